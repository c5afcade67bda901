"""Check digits, by their public definitions."""

_WEIGHTS = tuple(pow(2, 17 - place, 11) for place in range(17))
_CHECKS = "10X98765432"


def luhn(digits: str) -> bool:
    """ISO/IEC 7812: bank cards."""
    return luhn_digit(digits[:-1]) == digits[-1]


def luhn_digit(body: str) -> str:
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def citizen_digit(body: str) -> str:
    """ISO 7064 MOD 11-2 of the first 17 digits of a Chinese citizen's number."""
    return _CHECKS[sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True)) % 11]


def citizen(number: str) -> bool:
    return citizen_digit(number[:17]) == number[17].upper()


def nhs_digit(body: str) -> str | None:
    """Modulus 11 of the first 9 digits of an NHS number; None where no number begins with them."""
    check = 11 - sum(int(digit) * (10 - place) for place, digit in enumerate(body)) % 11
    return None if check == 10 else str(check % 11)


def iban(text: str) -> bool:
    """ISO 13616: the number, without spaces, is 1 modulo 97."""
    moved = text[4:] + text[:4]
    return moved.isalnum() and moved.isascii() and int("".join(str(int(character, 36)) for character in moved)) % 97 == 1
