"""Questions in Chinese, Japanese and Korean, whose words have no spaces between them.

A memory is found by each two neighbouring characters. In a question many of these pairs are no words: they are grammar
("when will it"), or the end of one word and the beginning of the next. So the characters of grammar are marked. A pair
of two marked ones is not looked for, and one with a single marked one is looked for but not missed. The other pairs
count as the words that so many characters have.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from server.memory.words.pieces import UNIT

_CHINESE = """什么时候 什么样 什么 甚么 什麼時候 什麼 怎么样 怎么办 怎么 怎样 怎麼樣 怎麼 为什么 為什麼 为何 哪里 哪裡
    哪儿 哪个 哪些 哪天 哪位 谁 誰 多少 多久 多长 几点 几个 几天 何时 何處 如何 是否 是不是 有没有 能不能 可不可以
    会不会 要不要 我们 我們 你们 你們 他们 他們 她们 它们 咱们 大家 自己 这个 那个 这些 那些 这里 那里 这样 那样 這個
    那個 这 那 這 我 你 您 他 她 它 们 的 地 得 了 着 过 吗 嗎 呢 吧 啊 呀 哦 喔 嘛 啦 哈 是 在 有 没 没有 沒有 不 别
    也 都 就 才 还 還 又 很 太 真 最 更 和 与 及 或 或者 还是 但 但是 因为 所以 如果 虽然 把 被 给 給 对 對 对于 关于
    從 从 到 向 往 让 讓 使用 用 请 請 请问 請問 可以 可能 能 会 會 要 想 应该 應該 需要 必须 一个 一下 一些 一点 一起
    现在 現在 今天 明天 昨天 今晚 每天 最近 已经 正在 知道 记得 記得 告诉 告訴 帮我 幫我 帮忙 你好 您好 谢谢 謝謝 再见
    早上好 晚上好 晚安 好的 好吗 好 上 下 里 裡 中 来 去 说 說 叫 做 之 其 以 为 為 于 而 且 个 個 些 点 次 种"""
_JAPANESE = """いつ どこ だれ どれ どの どんな どう どうやって どうして なぜ なに なん いくつ いくら どちら です
    でした でしょう ですか ます ました ません ましょう ください くれ 下さい する した して しています している します
    しました される されます された されて され します なる なります なった いる います いた いて ある あります あった
    ない なかった できる できます できた という といった として について によって における ための ために から まで
    より だけ ほど など ので のに けど けれど しかし そして また もう まだ とても この その あの これ それ あれ ここ
    そこ あそこ こと もの とき ところ わたし あなた わたしたち 私たち 私達 私 僕 俺 彼 彼女 我々 何時 何 誰 今日 明日
    昨日 今 方 様 さん こんにちは こんばんは おはよう おはようございます ありがとう ありがとうございます ございます
    よろしく お願い 教えて 知って 使って 使う 使い 使われ 誰か 何か は が を に で と も の へ や か ね よ な だ た て
    お ご"""
_KOREAN_WORDS = """언제 어디 어디서 어디에 누구 누가 누구의 무엇 무엇을 무엇이 뭐 뭘 뭐가 무슨 어떤 어느 어떻게 왜
    얼마나 얼마 몇 몇시 우리 우리는 우리가 우리의 저희 나는 내가 나의 내 너는 네가 너의 당신 그는 그녀 그것 이것 저것
    그 이 저 것 것은 것이 수 있는 있다 있나요 있어요 있습니까 있습니다 없는 없다 없나요 없습니다 하는 하나요 한 할
    했나요 됩니까 되나요 입니까 인가요 그리고 그러나 또는 또 및 지금 오늘 내일 어제 매우 아주 정말 좀 더 가장 다시
    모두 모든 대한 대해 위해 위한 안녕 안녕하세요 감사합니다 고마워 알려줘 알려주세요 말해줘 주세요 해줘"""
_KOREAN_ENDINGS = """은 는 이 가 을 를 에 에서 에게 에는 에도 에서는 으로 로 으로는 로는 와 과 도 의 만 까지 부터 이나
    나 라고 이라고 하고 이랑 랑 처럼 보다 마다 한테 께서 들 들이 들은 들을 들의 이다 다 합니다 합니까 했습니다
    했습니까 입니다 입니까 됩니다 됩니까 되나요 하나요 했나요 인가요 나요 습니까 습니다 해요 했어요 어요 아요 였나요
    되었나요 되었습니다 됐나요 하는 하기로 하기 한 할 했 하지 하면 하게 된 되는 이에요 예요 까요 을까요 지요 죠 네요
    세요 하세요 하셨나요 해줘 해야 했지 하지 인지 는지 했던 던 었나요 았나요 있나요 였어요 했다 한다 된다 되었다
    이었다 였다 했나 하나 어 아 니 냐 지"""

_GRAMMAR, _SOFT, _CONTENT = 2, 1, 0


def _compile_any(words: Iterable[str], pattern: str = "(?:{})") -> re.Pattern[str]:
    return re.compile(pattern.format("|".join(sorted(set(words), key=len, reverse=True))))


_IN_CHINESE = _compile_any(_CHINESE.split())
_IN_JAPANESE = _compile_any(_JAPANESE.split())
_KOREAN_WORD = _compile_any(_KOREAN_WORDS.split())
_KOREAN_END = _compile_any(_KOREAN_ENDINGS.split(), "(?<=.)(?:{})$")
_KANA = re.compile("[\u3040-\u30ff]")
_HIRAGANA = re.compile("[\u3041-\u309f]")
_HANGUL = re.compile("[\uac00-\ud7af]")


class Pair(NamedTuple):
    """Two neighbouring units of a run, and the stretch of content that they are in; None if one of them is grammar."""

    text: str
    stretch: int | None


def read_run(run: str, *, is_japanese: bool) -> tuple[list[Pair], list[int]]:
    """Return the pairs that a question with this run looks for, and the number of units of each stretch of content.

    `is_japanese` says whether the question has kana anywhere: a run may have none, and be Japanese.
    """
    units = [(match.start(), match[0]) for match in UNIT.finditer(run)]
    marks = _mark_grammar(run, is_japanese=is_japanese or has_kana(run))
    kinds = [marks[start] for start, _ in units]
    sizes: list[int] = []
    stretches: list[int | None] = []
    for place, kind in enumerate(kinds):
        if kind != _CONTENT:
            stretches.append(None)
            continue
        if place and kinds[place - 1] == _CONTENT:
            sizes[-1] += 1
        else:
            sizes.append(1)
        stretches.append(len(sizes) - 1)
    if len(units) == 1:
        return ([Pair(run, None)] if kinds[0] != _GRAMMAR else []), []
    pairs: list[Pair] = []
    for place in range(len(units) - 1):
        if kinds[place] == kinds[place + 1] == _GRAMMAR:
            continue
        stretch = stretches[place] if stretches[place] == stretches[place + 1] else None
        pairs.append(Pair(units[place][1] + units[place + 1][1], stretch))
    return pairs, sizes


def has_one_unit(text: str) -> bool:
    """Whether a text is a single character with its marks."""
    return UNIT.fullmatch(text) is not None


def has_kana(text: str) -> bool:
    """Whether a text has a character that only Japanese has."""
    return _KANA.search(text) is not None


def _mark_grammar(run: str, *, is_japanese: bool) -> list[int]:
    """Return for each character of a run whether it is grammar."""
    marks = [_CONTENT] * len(run)
    if _HANGUL.search(run):
        if (whole := _KOREAN_WORD.fullmatch(run)) is not None:
            found = [whole]
        else:
            end = _KOREAN_END.search(run)
            found = [] if end is None else [end]
    elif is_japanese:
        # Grammar is written in hiragana, and few other words are.
        marks = [_SOFT if _HIRAGANA.match(sign) else _CONTENT for sign in run]
        found = list(_IN_JAPANESE.finditer(run))
    else:
        found = list(_IN_CHINESE.finditer(run))
    for match in found:
        marks[match.start() : match.end()] = [_GRAMMAR] * (match.end() - match.start())
    return marks
