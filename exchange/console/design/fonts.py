"""Writes the slices of the fonts, and the style sheet that names them. See design/fonts."""
import bz2, pathlib, re, shutil, sys, unicodedata
from fontTools import subset
from fontTools.ttLib import TTFont

packages, debian, assets = map(pathlib.Path, sys.argv[1:])
out = assets / "fonts"
for old in out.glob("*.woff2"):
    old.unlink()
rules = ["/*! Built by design/fonts. Noto Sans, SIL Open Font Licence 1.1: see LICENCES.md */"]


def ranges(points):
    """The points as a CSS unicode-range."""
    runs = []
    for p in sorted(points):
        if runs and p == runs[-1][1] + 1:
            runs[-1][1] = p
        else:
            runs.append([p, p])
    return ",".join(f"U+{a:x}" if a == b else f"U+{a:x}-{b:x}" for a, b in runs)


def rule(family, file, points):
    rules.append(f'@font-face{{font-family:"{family}";font-weight:100 900;font-display:swap;src:url(fonts/{file}) format("woff2");unicode-range:{ranges(points)}}}')


def take(package, family, prefix, keep, without=frozenset()):
    """Copies the slices that hold what `keep` asks for; returns their characters."""
    sheet, have = (packages / package / "wght.css").read_text(), set()
    for path in re.findall(r"url\((\./files/[^)]+)\)", sheet):
        source = packages / package / path
        points = set(TTFont(source, lazy=True).getBestCmap())
        claimed = re.search(re.escape(path) + r".*?unicode-range:([^;]+);", sheet, re.S).group(1)
        listed = set()
        for part in claimed.split(","):
            first, _, last = part.strip()[2:].partition("-")
            listed |= set(range(int(first, 16), int(last or first, 16) + 1))
        points &= listed - without  # the space and the hyphen are in every slice
        # Of two rules a browser takes the later one, and loads its slice: nobody reads a
        # letter of Vietnamese from all that is rare in Latin. Marks stand with their letters.
        points -= {p for p in have if not unicodedata.combining(chr(p))}
        if not points or not keep(source.name, points):
            continue
        file = f"{prefix}-{len(list(out.glob(prefix + '-*'))):03}.woff2"
        shutil.copy(source, out / file)
        rule(family, file, points)
        have |= points
    return have


def cut(source, file, points, number=-1):
    """Writes what of a font is of some characters as a slice."""
    options = subset.Options(flavor="woff2", layout_features=[], name_IDs=[0, 1, 2, 13, 14], hinting=False, font_number=number)
    font = subset.load_font(str(source), options)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=points)
    cutter.subset(font)
    subset.save_font(font, str(out / file), options)
    rule("Noto Sans SC", file, points)


def chinese(name, points):
    return any(0x3001 <= p <= 0x303F or 0x3400 <= p <= 0x9FFF or p >= 0x20000 for p in points)


take("noto-sans", "Noto Sans", "latin", lambda name, _: re.search(r"-(latin|latin-ext|vietnamese)-", name))
take("noto-sans-lao", "Noto Sans Lao", "lao", lambda name, _: "-lao-lao-" in name)
take("noto-sans-khmer", "Noto Sans Khmer", "khmer", lambda name, _: "-khmer-khmer-" in name)
# The signs that pages are full of, and what Chinese calls itself in the menu of languages,
# stand among Chinese characters there: by themselves they weigh nothing.
signs = {ord(sign) for sign in "←→★中文"}
left = set(signs)
for source in sorted((packages / "noto-sans-sc/files").glob("*-wght-normal.woff2")):
    if points := left & set(TTFont(source, lazy=True).getBestCmap()):
        left -= points
        cut(source, f"signs-{len(list(out.glob('signs-*'))):03}.woff2", points)
latin, rules = rules, rules[:1]  # a page without Chinese does not load what names its slices
have = take("noto-sans-sc", "Noto Sans SC", "chinese", chinese, without=signs)

# The characters of China's table of 8105, from which names are given, that the
# package lacks; and no file for whatever is rarer than that.
with bz2.open(debian / "unicode/Unihan_OtherMappings.txt.bz2", "rt") as lines:
    table = {int(line[2:].split("\t")[0], 16) for line in lines if "\tkTGH\t" in line}
rare = sorted(table - have - signs)
for i in range(0, len(rare), 118):
    cut(debian / "fonts/opentype/noto/NotoSansCJK-Regular.ttc", f"rare-{i // 118:03}.woff2", rare[i : i + 118], 2)  # Simplified Chinese

(assets / "fonts.css").write_text("\n".join(latin) + "\n")
(assets / "fonts-zh.css").write_text("\n".join(rules) + "\n")
