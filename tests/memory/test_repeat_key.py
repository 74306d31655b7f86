"""Which memories repeat one another, and which only look alike: pairs in several languages."""

from datetime import UTC, datetime, timedelta

import pytest

from server.memory.merging.repeat_key import make_repeat_key
from server.memory.models import Memory

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)

REPEATS = [
    ("Deploys go out on Tuesdays.", "deploys go out on Tuesdays"),
    ("The staging database listens on port 5433.", "Staging database  listens on port 5433!"),
    ("We don't deploy on Fridays", "We do not deploy on Fridays."),
    ("- Alice is the on-call contact", "Alice is the on call contact"),
    ("**Never** run `terraform apply` by hand", "Never run terraform apply by hand."),
    ("The API is public", "the api is public"),
    ("Die Sicherung läuft jede Nacht um zwei.", "Die Sicherung läuft jede Nacht um zwei"),
    ("La sauvegarde tourne chaque nuit !", "La sauvegarde tourne chaque nuit"),
    ("Мы храним копии в Берлине.", "мы храним копии в берлине"),
    ("备份每天晚上运行。", "备份每天晚上运行"),
    ("バックアップは毎晩実行されます。", "バックアップは毎晩実行されます"),
    ("백업은 매일 밤 실행됩니다.", "백업은 매일 밤 실행됩니다"),
    ("הגיבוי רץ כל לילה.", "הגיבוי רץ כל לילה"),
    ("Cafe\u0301 Zoe\u0308 opens at 8", "Caf\u00e9 Zo\u00eb opens at 8"),
]

#: Two facts each. They differ in a number, name, date, negation, port, person, tense, order, mood or another word.
FACTS = [
    ("The worker listens on port 8080.", "The worker listens on port 8081."),
    ("The timeout is 30 minutes", "The timeout is 3.0 minutes"),
    ("Retries: -5", "Retries: 5"),
    ("It grew by 5%", "It grew by 5"),
    ("The area is 5²", "The area is 52"),
    ("Alice reviews the release", "Bob reviews the release"),
    ("alice reviews the release notes every sprint", "bob reviews the release notes every sprint"),
    ("The audit is on 3 May 2026", "The audit is on 4 May 2026"),
    ("Deploys go out on Tuesdays", "Deploys go out on Thursdays"),
    ("We deploy on Fridays", "We do not deploy on Fridays"),
    ("We deploy on Fridays", "We never deploy on Fridays"),
    ("Admins may deploy", "Just admins may deploy"),
    ("We use Redis for caching", "We used Redis for caching"),
    ("The API is public", "The API is public internally"),
    ("The office is open on holidays", "The office is closed on holidays"),
    ("The service talks to the primary database", "The service talks to the replica database"),
    ("We ship on Friday.", "We ship on Friday?"),
    ("Contact us before the launch", "Contact US before the launch"),
    ("The token is aBcDe", "The token is AbCdE"),
    ("The key is Xk3j", "The key is xk3j"),
    ("The folder is .env", "The folder is env"),
    ("Ben moved from Berlin to Rome", "Ben moved to Rome from Berlin"),
    ("The customer pays the provider", "The provider pays the customer"),
    ("I like tea", "You like tea"),
    ("Der Server ruft den Client", "Den Server ruft der Client"),
    ("Der Export läuft nachts", "Der Import läuft nachts"),
    ("Wir nutzen Redis", "Wir nutzen kein Redis"),
    ("Il la voit", "Il le voit"),
    ("La API es pública", "La API es privada"),
    ("mi papa vive en Lima", "mi papá vive en Lima"),
    ("Vives en Madrid", "Vive en Madrid"),
    ("мы храним копии в берлине", "мы храним копии в лондоне"),
    ("Мы используем Redis", "Мы не используем Redis"),
    ("备份每天晚上运行", "备份每天早上运行"),
    ("バックアップは毎晩実行されます", "バックアップは毎晩実行されません"),
    ("백업은 매일 밤 실행됩니다", "백업은 매일 밤 실행되지 않습니다"),
    ("הגיבוי רץ בשרת הראשי", "הגיבוי רץ בשרת המשני"),
    ("النسخ يعمل كل ليلة", "النسخ لا يعمل كل ليلة"),
    ("बैकअप हर रात चलता है", "बैकअप हर रात नहीं चलता है"),
    ("✅ release", "❌ release"),
]

FROM_TODAY = [
    "We deployed yesterday",
    "The next week is free",
    "Wir haben gestern veröffentlicht",
    "Hier on a déployé",
    "Ayer desplegamos",
    "вчера выпустили",
    "我们昨天部署了",
]


def memory(content, **fields):
    given = {"id": "x", "type": "fact", "tags": [], "scope": "global", "linkages": [], "metadata": {}}
    given |= {"relevance": 1.0, "access_count": 0, "consolidated": 0, "created_at": NOW, "updated_at": NOW}
    return Memory.model_validate(given | fields | {"content": content})


@pytest.mark.parametrize(("one", "other"), REPEATS)
def test_the_same_words_are_a_repeat(one, other):
    assert make_repeat_key(memory(one)) == make_repeat_key(memory(other)) != None  # noqa: E711 - the keys are values


@pytest.mark.parametrize(("one", "other"), FACTS)
def test_two_facts_of_one_pattern_are_no_repeat(one, other):
    assert make_repeat_key(memory(one)) != make_repeat_key(memory(other))


@pytest.mark.parametrize("text", FROM_TODAY)
def test_what_counts_from_today_says_something_else_tomorrow(text):
    tomorrow = NOW + timedelta(days=1)
    assert make_repeat_key(memory(text)) == make_repeat_key(memory(text, created_at=NOW + timedelta(hours=1)))
    assert make_repeat_key(memory(text)) != make_repeat_key(memory(text, created_at=tomorrow))
    always = memory("The backup runs every night", created_at=tomorrow)
    assert make_repeat_key(always) == make_repeat_key(memory("The backup runs every night"))


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "instruction"},
        {"author": "Ann"},
        {"entity": "Ann"},
        {"occurred_at": NOW},
        {"project": "heron", "scope": "project"},
        {"metadata": {"issue": 14}},
    ],
)
def test_the_same_words_with_another_field_are_no_repeat(fields):
    assert make_repeat_key(memory("Ann likes tea", **fields)) != make_repeat_key(memory("Ann likes tea"))


def test_what_has_no_words_or_has_pictures_repeats_nothing():
    picture = {"key": "w/x/a.png", "filename": "a.png", "mimetype": "image/png", "size": 3}
    assert make_repeat_key(memory("...")) is None
    assert make_repeat_key(memory("The plan", images=[picture])) is None
