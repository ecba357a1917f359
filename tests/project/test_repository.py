"""What is committed speaks of the project, not of the machine it was written on."""

import re
import subprocess

import pytest

ELSEWHERE = re.compile(
    r"(?<![\w.])/(?:work|root|home|opt|tmp/dev)/\w"  # absolute paths of some machine
    r"|index-url|find-links|pythonhosted"  # package registries
)


def test_no_committed_text_names_a_machine_or_a_registry(root):
    if not (root / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    named = []
    for name in filter(None, listed.split("\0")):
        path = root / name
        if name == "tests/project/test_repository.py" or not path.is_file():
            continue
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        named += [
            f"{name}:{number}: {line.strip()[:100]}"
            for number, line in enumerate(text.splitlines(), 1)
            if ELSEWHERE.search(line)
        ]
    assert named == []


def test_links_between_pages_lead_somewhere(root):
    pages = [*root.glob("*.md"), *(root / "docs").rglob("*.md")]
    broken = [
        f"{page.relative_to(root)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert len(pages) >= 3
    assert broken == []
