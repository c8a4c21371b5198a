"""Settings of the documentation's site: ``make docs`` builds it into ``build/site``."""

import sys
import tomllib
from pathlib import Path

import rlchf

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

metadata = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
repository = metadata["project"]["urls"]["Homepage"]

project = "rlchf"
author = "the rlchf developers"
project_copyright = author
release = version = rlchf.__version__

extensions = [
    "myst_parser",
    "notebooks",
    "sphinx.ext.autodoc",
    "sphinx.ext.githubpages",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "rlchf_site",
]
exclude_patterns = ["_ext", "_extra", "_static", "_templates"]
nitpicky = False
default_role = "py:obj"  # single backticks in docstrings
smartquotes = False  # so that --option keeps its two hyphens

myst_enable_extensions = ["attrs_block", "colon_fence", "deflist"]
myst_heading_anchors = 4
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True
copybutton_line_continuation_character = "\\"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"
napoleon_google_docstring = False
napoleon_use_rtype = False

html_theme = "pydata_sphinx_theme"
html_title = "rlchf"
html_static_path = ["_static"]
html_extra_path = ["_extra"]  # the page for addresses that do not exist
html_favicon = "_static/favicon.svg"
html_css_files = ["rlchf.css"]
html_theme_options = {
    "navbar_align": "left",
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "use_edit_page_button": False,
    "header_links_before_dropdown": 7,
    "icon_links": [
        {"name": "Repository", "url": repository, "icon": "fa-brands fa-github"}  # the theme's own
    ],
}
html_sidebars = {"index": [], "start": [], "gallery": []}  # pages without a section of their own
html_show_sourcelink = False
html_copy_source = False
linkcheck_ignore = [r"http://localhost"]  # in examples
