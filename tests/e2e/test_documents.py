"""The documents: what they link to is there, and no picture is large. Nothing is asked of the network."""
import os
import re
import subprocess
import unittest

import harness

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```+).*?^\1", re.M | re.S)
CODE = re.compile(r"`[^`\n]*`")


def documents():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=harness.ROOT, capture_output=True, text=True,
                            check=False).stdout.split()
    # Without git: the ones that people read first.
    return listed or ["README.md", *(f"docs/{name}" for name in os.listdir(os.path.join(harness.ROOT, "docs")) if name.endswith(".md"))]


def read(name):
    with open(os.path.join(harness.ROOT, name), encoding="utf-8") as file:
        return file.read()


def anchors(text):
    """As the hosting sites make them: the words of a heading, small, joined by hyphens."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def broken_links(name, text):
    found = []
    for target in LINK.findall(CODE.sub("", FENCE.sub("", text))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        place = os.path.normpath(os.path.join(os.path.dirname(name), path)) if path else name
        if not os.path.exists(os.path.join(harness.ROOT, place)):
            found.append(f"{name}: there is no {target}")
        elif anchor and place.endswith(".md") and anchor not in anchors(read(place)):
            found.append(f"{name}: {place} has no heading #{anchor}")
    return found


class Documents(unittest.TestCase):
    def test_every_link_leads_to_a_file_or_a_heading_that_is_there(self):
        self.assertEqual([one for name in documents() for one in broken_links(name, read(name))], [])

    def test_a_link_to_nothing_is_found(self):
        text = "[a](docs/no-such.md) [b](README.md#no-such) [c](README.md#two-commands) `[d](x)`\n```\n[e](y)\n```\n"
        self.assertEqual(broken_links("README.md", text), ["README.md: there is no docs/no-such.md",
                                                           "README.md: README.md has no heading #no-such"])

    def test_every_document_is_reached_from_the_readme(self):
        seen, todo = set(), ["README.md"]
        while todo:
            name = todo.pop()
            seen.add(name)
            for target in LINK.findall(CODE.sub("", FENCE.sub("", read(name)))):
                place = os.path.normpath(os.path.join(os.path.dirname(name), target.partition("#")[0]))
                if place.endswith(".md") and place not in seen and os.path.exists(os.path.join(harness.ROOT, place)):
                    todo.append(place)
        self.assertEqual([name for name in documents() if name.startswith("docs/") and name not in seen], [])

    def test_every_picture_is_shown_somewhere_and_is_small(self):
        shown = "".join(read(name) for name in documents())
        folder = os.path.join(harness.ROOT, "docs", "images")
        for name in sorted(os.listdir(folder)):
            self.assertTrue("images/" + name in shown, f"no document shows {name}")
            self.assertLess(os.path.getsize(os.path.join(folder, name)), 200_000, name)
