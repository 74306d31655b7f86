"""docs/operations and the runbook name the metrics and alerts that there are, and no others."""

import json
import re
from pathlib import Path

import pytest
import yaml

from server.config import PREFIX, Settings
from server.telemetry.metric_table import METRICS, PROCESS

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGE = (DOCS / "operations/README.md").read_text()
RULES = [
    rule for group in yaml.safe_load((DOCS / "operations/alerts.yml").read_text())["groups"] for rule in group["rules"]
]
DASHBOARD = json.loads((DOCS / "operations/grafana-dashboard.json").read_text())
EXPRESSIONS = {
    **{rule["alert"]: rule["expr"] for rule in RULES},
    **{
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in DASHBOARD["panels"]
        for target in panel.get("targets", [])
    },
}
RUNBOOK = (DOCS / "runbook.md").read_text()
#: The series of each metric: a histogram has three.
SERIES = {
    f"{name}{suffix}": metric
    for name, metric in METRICS.items()
    for suffix in (("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",))
}
#: Labels that a scrape or a process' own metric brings along.
OTHER_LABELS = {"instance", "job", "le", "generation"}


def test_the_page_explains_each_metric_as_the_table_of_the_code_does():
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if "| `loci_" in line]
    shown = [(name.strip("`"), kind, tuple(re.findall(r"`(\w+)`", labels)), text) for name, kind, labels, text in rows]
    assert shown == [(each.name, each.kind, each.labels, each.meaning) for _, each in sorted(METRICS.items())]
    assert all(f"`{name}`" in PAGE for name in PROCESS)


@pytest.mark.parametrize("title", EXPRESSIONS)
def test_an_expression_of_the_alerts_or_the_dashboard_uses_series_and_labels_that_there_are(title):
    expression = EXPRESSIONS[title]
    names = set(re.findall(r"\b(?:loci|process|python)_\w+", expression)) | set(re.findall(r"^up\b", expression))
    assert names, "it looks at nothing"
    assert names <= {*SERIES, *PROCESS, "up"}
    grouped = {each.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for each in group.split(",")}
    matched = set(re.findall(r"[{,](\w+)(?:=|!)", expression))
    known = {label for name in names if name in SERIES for label in SERIES[name].labels}
    assert grouped | matched <= known | OTHER_LABELS
    assert expression.count("(") == expression.count(")")
    assert expression.count("{") == expression.count("}")


@pytest.mark.parametrize("title", EXPRESSIONS)
def test_a_value_that_an_expression_looks_for_is_one_that_the_table_of_metrics_names(title):
    expression = EXPRESSIONS[title]
    for name, matchers in re.findall(r"(loci_\w+)\{([^}]*)\}", expression):
        for label, value in re.findall(r'(\w+)!?="(\w+)"', matchers):
            if label not in {"instance", "job", "work"}:
                assert f"`{value}`" in SERIES[name].meaning


def test_every_alert_has_a_section_of_the_runbook_that_it_points_to_and_every_section_an_alert():
    alerts = RUNBOOK.partition("\n## Alerts\n")[2].partition("\n## Troubles without an alert\n")[0]
    sections = dict(re.findall(r"^### (\w+)\n\n(.*?)(?=^### |\Z)", alerts, re.MULTILINE | re.DOTALL))
    assert list(sections) == [rule["alert"] for rule in RULES]
    for rule in RULES:
        section = sections[rule["alert"]]
        assert section.startswith(f"*{rule['labels']['severity']}.* ")
        assert "\nLook:\n\n* " in section
        assert "\nDo:\n\n* " in section
        assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{rule['alert'].lower()}"
        assert rule["annotations"]["summary"].endswith(".")
        assert re.fullmatch(r"\d+[mh]", rule["for"])


def test_every_metric_of_ours_is_on_the_dashboard():
    shown = {name for expression in EXPRESSIONS.values() for name in re.findall(r"\bloci_\w+", expression)}
    assert {each.name for name, each in SERIES.items() if name in shown} == set(METRICS)


def test_the_panels_of_the_dashboard_do_not_overlap_and_have_ids_of_their_own():
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & cells, panel["title"]
        taken |= cells


def test_each_command_and_setting_of_the_runbook_is_one_that_there_is():
    text = RUNBOOK + PAGE
    assert set(re.findall(r"\bLOCI_[A-Z_]+", text)) <= {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    events = set(re.findall(r"^\| `([a-z_]+\.[a-z_]+)`", (DOCS / "logs.md").read_text(), re.MULTILINE))
    named = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", text)) - {
        "meta.workspace",
        "secret.key",
        "alerts.yml",
        "new.db",
        "loci.db",
    }
    assert named <= events
