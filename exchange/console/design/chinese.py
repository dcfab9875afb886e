"""Writes chinese.txt: the characters of our own Chinese texts, a line for each slice.

    make e2e PICTURES=/tmp/seen
    python3 exchange/console/design/chinese.py /tmp/seen

Characters that the same pages have stand together, so that a page loads few that
it does not show; those that no page had come last."""
import itertools, json, pathlib, sys

here = pathlib.Path(__file__).parent
SLICES, OVER, REST = 32, 4, 24  # how many are aimed at; what a slice weighs itself, in characters; of the rest


def chinese(text):
    return {c for c in text if "\u3001" <= c <= "\u303f" or "\u3400" <= c <= "\u9fff" or "\uff01" <= c <= "\uffe6"}


def texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for v in value.values():
            yield from texts(v)


pages = [chinese(seen.read_text()) for seen in sorted(pathlib.Path(sys.argv[1]).glob("*-zh-light.txt"))]
weights = [(len(page) / 150) ** 3 for page in pages]  # the heaviest pages matter most
ours = set().union(*(chinese(text) for name in ("zh.json", "schemas/zh.json") for text in texts(json.loads((here / "../messages" / name).read_text()))))

alike = {}
for c in sorted(ours):
    alike.setdefault(frozenset(i for i, page in enumerate(pages) if c in page), []).append(c)
rest = alike.pop(frozenset(), [])
slices = [(sum(weights[i] for i in on), on, cs) for on, cs in alike.items()]
while len(slices) > SLICES:  # the two that cost least in one
    def cost(pair):
        (wa, a, ca), (wb, b, cb) = pair
        both = wa + wb - sum(weights[i] for i in a & b)
        return both * (len(ca) + len(cb) + OVER) - wa * (len(ca) + OVER) - wb * (len(cb) + OVER)

    one, two = min(itertools.combinations(slices, 2), key=cost)
    slices = [s for s in slices if s is not one and s is not two]
    on = one[1] | two[1]
    slices.append((sum(weights[i] for i in on), on, one[2] + two[2]))
slices.sort(key=lambda s: -s[0])
lines = ["".join(cs) for _, _, cs in slices] + ["".join(rest[i : i + REST]) for i in range(0, len(rest), REST)]
(here / "chinese.txt").write_text("\n".join(lines) + "\n")
loads = sorted(sum(len(cs) + OVER for _, on, cs in slices if i in on) for i in range(len(pages)))
print(f"{len(lines)} slices; of {len(pages)} pages the middle one loads {loads[len(loads) // 2]} characters, and the last {loads[-1]}")
