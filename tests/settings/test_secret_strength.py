"""The strength of a secret: what is random is taken, whatever its alphabet; patterns are not."""

import secrets
import string
import uuid

import pytest

from server.secret_strength import is_patterned


def make_random_secrets():
    return [
        secrets.token_hex(16),
        secrets.token_hex(32),
        secrets.token_urlsafe(24),
        secrets.token_urlsafe(32),
        str(uuid.uuid4()),
        "".join(secrets.choice(string.digits) for _ in range(32)),
        "".join(secrets.choice(string.ascii_lowercase) for _ in range(32)),
    ]


def test_random_secrets_of_every_alphabet_are_no_patterns():
    assert not [each for _ in range(100) for each in make_random_secrets() if is_patterned(each.encode())]


@pytest.mark.parametrize("unit", ["x", "ab", "é", "secret", "changeme", "0123456789abcdef", "my-secret-key-"])
@pytest.mark.parametrize("length", [32, 33, 64, 100_000])
def test_a_short_text_said_again_and_again_is_a_pattern(unit, length):
    assert is_patterned((unit * length)[:length].encode())


@pytest.mark.parametrize(
    "secret",
    [
        string.ascii_letters,
        string.digits + string.ascii_lowercase,
        string.ascii_lowercase[::-1] + string.digits[::-1],
        "aabbccddeeffgghhiijjkkllmmnnoopp",
        "acegikmoqsuwyacegikmoqsuwyacegik",
        "changeme1changeme2changeme3changeme4",
        "0" * 31 + "1",
    ],
)
def test_a_text_that_counts_is_a_pattern(secret):
    assert is_patterned(secret.encode())


@pytest.mark.parametrize(
    "secret",
    [
        "qwertyuiopasdfghjklzxcvbnm123456",
        "QwErTyUiOpAsDfGhJkLzXcVbNm123456",
        "poiuytrewqlkjhgfdsamnbvcxz098765",
        "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,",
        "zaq12wsxcde34rfvbgt56yhnmju78ik,",
        "1q2w3e4r5t6y7u8i9o0p1q2w3e4r5t6y",
        "qwertzuiopasdfghjklyxcvbnm123456",
        "azertyuiopqsdfghjklmwxcvbn123456",
    ],
)
def test_a_run_along_the_keys_of_a_keyboard_is_a_pattern(secret):
    assert is_patterned(secret.encode())
