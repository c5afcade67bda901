"""Numbers that check themselves."""

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def resident_id(first_17: str) -> str:
    """The 18 characters of a Chinese resident identity number (GB 11643, ISO 7064 MOD 11-2)."""
    total = sum(weight * int(digit) for weight, digit in zip(_ID_WEIGHTS, first_17, strict=True))
    return first_17 + "10X98765432"[total % 11]


def luhn(body: str) -> str:
    """`body` with its check digit (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return body + str(-total % 10)


def nhs_number(body: str) -> str | None:
    """The 10 digits of an NHS number; None where modulus 11 leaves no check digit."""
    check = 11 - sum((10 - place) * int(digit) for place, digit in enumerate(body)) % 11
    return None if check == 10 else body + str(check % 11)
