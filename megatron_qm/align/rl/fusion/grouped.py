"""Numbers of groups: means, what is missing filled in, and each reward by its group's deviation. Axes: n responses, k rewards."""

from collections.abc import Iterator, Sequence

import numpy as np


def groups_of(group_n: Sequence[int]) -> Iterator[np.ndarray]:
    """The places of each group's members."""
    groups = np.asarray(group_n)
    for group in np.unique(groups):
        yield np.flatnonzero(groups == group)


def filled(
    value_nk: np.ndarray, known_nk: np.ndarray, wanted_nk: np.ndarray, group_n: Sequence[int], else_k: np.ndarray | None = None
) -> np.ndarray:
    """What is wanted and not known stands at the mean of those of its group that are, and so moves its response neither up nor
    down; at else_k (default: 0) for a whole group of which nothing is known. 0 for all that is not wanted."""
    other = 0.0 if else_k is None else else_k
    result_nk = np.where(known_nk & wanted_nk, value_nk, np.where(wanted_nk, other, 0.0))
    for members in groups_of(group_n):
        for k in range(value_nk.shape[1]):
            known = members[known_nk[members, k] & wanted_nk[members, k]]
            missing = members[~known_nk[members, k] & wanted_nk[members, k]]
            if len(known):
                result_nk[missing, k] = value_nk[known, k].mean()
    return result_nk


def known_means(value_nk: np.ndarray, known_nk: np.ndarray) -> np.ndarray:
    """[k]: of what is known, in whatever group; 0 where nothing is."""
    return np.array([value_nk[known, k].mean() if known.any() else 0.0 for k, known in enumerate(known_nk.T)])


def centred(value_nk: np.ndarray, counts_nk: np.ndarray, group_n: Sequence[int]) -> np.ndarray:
    """Less the mean of those of the group that count; 0 for those that do not."""
    result_nk = np.zeros(value_nk.shape)
    for members in groups_of(group_n):
        for k in range(value_nk.shape[1]):
            counting = members[counts_nk[members, k]]
            if len(counting):
                result_nk[counting, k] = value_nk[counting, k] - value_nk[counting, k].mean()
    return result_nk


def by_group_deviation(value_nk: np.ndarray, known_nk: np.ndarray, group_n: Sequence[int], epsilon: float) -> np.ndarray:
    """(value - mean) / (deviation + epsilon) of the known values of the group; 0 for what is not known, and where fewer than two
    are or all are the same."""
    result_nk = np.zeros(value_nk.shape)
    for members in groups_of(group_n):
        for k in range(value_nk.shape[1]):
            known = members[known_nk[members, k]]
            of = value_nk[known, k]
            if len(known) > 1 and of.max() > of.min():
                result_nk[known, k] = (of - of.mean()) / (of.std(ddof=1) + epsilon)
    return result_nk
