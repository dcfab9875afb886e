"""Writes the slices of the fonts, and the style sheet that names them. See design/fonts."""
import bz2, pathlib, re, sys, unicodedata
from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

here = pathlib.Path(__file__).parent
packages, debian, assets = map(pathlib.Path, sys.argv[1:])
out, cjk = assets / "fonts", debian / "fonts/opentype/noto/NotoSansCJK-Regular.ttc"
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


def rule(family, file, points, weights):
    rules.append(f'@font-face{{font-family:"{family}";font-weight:{weights};font-display:swap;src:url(fonts/{file}) format("woff2");unicode-range:{ranges(points)}}}')


def take(package, family, prefix, wanted):
    """Writes the slices of a package that are called so."""
    sheet, have = (packages / package / "wght.css").read_text(), set()
    for path in re.findall(r"url\((\./files/[^)]+)\)", sheet):
        source = packages / package / path
        if not re.search(wanted, source.name):
            continue
        points = set(TTFont(source, lazy=True).getBestCmap())
        claimed = re.search(re.escape(path) + r".*?unicode-range:([^;]+);", sheet, re.S).group(1)
        listed = set()
        for part in claimed.split(","):
            first, _, last = part.strip()[2:].partition("-")
            listed |= set(range(int(first, 16), int(last or first, 16) + 1))
        points &= listed  # the space and the hyphen are in every slice
        # Of two rules a browser takes the later one, and loads its slice: nobody reads a
        # letter of Vietnamese from all that is rare in Latin. Marks stand with their letters.
        points -= {p for p in have if not unicodedata.combining(chr(p))}
        file = f"{prefix}-{len(list(out.glob(prefix + '-*'))):03}.woff2"
        font = instancer.instantiateVariableFont(TTFont(source, recalcTimestamp=False), {"wght": (400, 700)})  # pages have no others
        font.flavor = "woff2"
        font.save(out / file)
        rule(family, file, points, weights="400 700")
        have |= points


def cut(prefix, points, claimed=()):
    """Writes the characters of a slice of Noto Sans CJK in its forms for simplified Chinese."""
    options = subset.Options(flavor="woff2", layout_features=[], name_IDs=[1, 2], hinting=False, font_number=2)
    options.drop_tables += ["BASE", "GPOS", "GSUB", "vhea", "vmtx", "VORG"]  # nothing is written downwards
    font = subset.load_font(str(cjk), options)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=points)
    cutter.subset(font)
    file = f"{prefix}-{len(list(out.glob(prefix + '-*'))):03}.woff2"
    subset.save_font(font, str(out / file), options)
    rule("Noto Sans SC", file, claimed or points, weights="400")


take("noto-sans", "Noto Sans", "latin", "-(latin|latin-ext|vietnamese)-")
take("noto-sans-lao", "Noto Sans Lao", "lao", "-lao-lao-")
take("noto-sans-khmer", "Noto Sans Khmer", "khmer", "-khmer-khmer-")

# Chinese. All that a name may be written with: of the first block, traditional forms too,
# and of the table of 8105 from which names are given. Then what our own texts are written
# with, a line of chinese.txt a slice, and the signs that every page has with what Chinese
# calls itself in the menu of languages: of two rules a browser takes the later one.
signs = [ord(sign) for sign in "←→★中文"]
ours = [[ord(c) for c in line if ord(c) not in signs] for line in (here / "chinese.txt").read_text().split()]
with bz2.open(debian / "unicode/Unihan_OtherMappings.txt.bz2", "rt") as lines:
    table = {int(line[2:].split("\t")[0], 16) for line in lines if "\tkTGH\t" in line}
have = set(TTFont(cjk, fontNumber=2, lazy=True).getBestCmap())
for first in [0x3000, *range(0x4E00, 0xA000, 0x80), 0xFF00, 0xFF80]:
    block = range(first, first + 0x80)
    if points := have.intersection(block).difference(signs, *ours, [0x3000]):
        cut("chinese", points, claimed=block)
rare = sorted(p for p in table if not 0x4E00 <= p < 0xA000)
for i in range(0, len(rare), 128):
    cut("rare", rare[i : i + 128])
for points in ours:
    cut("ours", points)
cut("signs", signs)
(assets / "fonts.css").write_text("\n".join(rules) + "\n")
