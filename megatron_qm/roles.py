"""Who may speak in a conversation. A chat template may write any word as a role; a model has learnt these."""

from megatron_qm.json_types import nearest

ROLES = ("system", "user", "assistant", "tool", "developer")  # the last where the chat template writes it (said.py)


def check_role(role: object, where: str) -> str:
    """The role. Raises ValueError for what is none, with the nearest that is one."""
    if not isinstance(role, str):
        raise ValueError(f"{where} = {role!r:.60} is not text")
    if role not in ROLES:
        near = nearest(role.lower(), ROLES) or (role.lower() if role.lower() in ROLES else None)
        advice = f"; did you mean {near!r}?" if near else ""
        raise ValueError(f"{where} = {role!r:.60} is none of {', '.join(ROLES)}{advice}")
    return role
