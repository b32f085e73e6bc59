"""Makes BIZUDPGothic-Regular.ttf.zst of the font that Debian ships: the signs
of CP932 (JIS X 0208 with the extensions of NEC and IBM), Latin-1 and a few more,
without hints and layout tables. The same font gives the same bytes.

    subset.py BIZUDPGothic-Regular.ttf OUT.ttf
"""
import sys

from fontTools import subset

# What the words of a report use beside those sets. Not ≤ and ≥: version 1.05
# draws each as the other. ≦ and ≧, of CP932, are right.
MORE = "–—‘’“”•…√〜−‐"


def signs():
    out = set(range(0x20, 0x7F)) | set(range(0xA0, 0x100)) | set(map(ord, MORE))
    out |= {ord(bytes([b]).decode("cp932")) for b in range(0xA1, 0xE0)}
    for lead in [*range(0x81, 0xA0), *range(0xE0, 0xFD)]:
        for trail in range(0x40, 0xFD):
            try:
                out |= set(map(ord, bytes([lead, trail]).decode("cp932")))
            except UnicodeDecodeError:
                pass
    return {c for c in out if not 0xE000 <= c <= 0xF8FF}


o = subset.Options()
o.hinting = False
o.layout_features = []
o.drop_tables += ["GSUB", "GPOS", "vhea", "vmtx", "meta", "DSIG", "gasp"]
o.recalc_timestamp = False
o.name_IDs = [0, 1, 2, 3, 4, 5, 6, 7, 13, 14]  # names and licence
o.name_languages = [0x409]
o.notdef_outline = True
o.legacy_cmap = False
font = subset.load_font(sys.argv[1], o)
s = subset.Subsetter(o)
s.populate(unicodes=signs())
s.subset(font)
# One table of the signs: the writer of PDF reads format 4 alone.
cmap = font["cmap"]
cmap.tables = [t for t in cmap.tables if t.format == 4 and (t.platformID, t.platEncID) == (3, 1)]
subset.save_font(font, sys.argv[2], o)
