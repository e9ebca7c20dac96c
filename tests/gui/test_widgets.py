"""The small widgets of every page: what they say, how they answer keys, and that each draws itself in both themes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from app.views import theme
from app.views.sheet import Sheet
from app.views.widgets.buttons import Button, IconButton
from app.views.widgets.cards import Card, KeyValueGrid, MiniBar, StatStrip
from app.views.widgets.fields import FormField, SearchField
from app.views.widgets.headers import PageHeader, SectionTabs
from app.views.widgets.labels import ElidedLabel, KeyCap, label
from app.views.widgets.panels import Banner, EmptyPanel
from app.views.widgets.pills import Chip, ChipRow, StatusPill, tone_of


def _strip() -> QWidget:
    strip = StatStrip({"done": "Done"})
    strip.tile("done").setFigure("1 488", "of 2 400", [(0.6, "u0")])
    return strip


def _grid() -> QWidget:
    grid = KeyValueGrid()
    grid.setRows([("Paid", "€ 25.68"), ("Rate", StatusPill("low", "warn"))])
    return grid


def _banner() -> QWidget:
    banner = Banner()
    banner.say("The router was lost; nothing was lost.", "warn", "Show log")
    return banner


MAKERS: dict[str, Callable[[], QWidget]] = {
    "button": lambda: Button("Review 312", "primary", "Ctrl R", "ph.check"),
    "icon button": lambda: IconButton("ph.x", "Close"),
    "card": lambda: Card("Units by status"),
    "strip": _strip,
    "grid": _grid,
    "pill": lambda: StatusPill("in flight"),
    "chip": lambda: Chip("Saved views", menu_mark=True),
    "key": lambda: KeyCap("Ctrl F"),
    "header": lambda: PageHeader("Label chest images", "Chest images / Wave 2"),
    "tabs": lambda: SectionTabs([("a", "Agents"), ("u", "Units")]),
    "search": lambda: SearchField("Filter agents"),
    "field": lambda: FormField("Pay per unit", QLineEdit("0.12"), "what a worker gets"),
    "banner": _banner,
    "empty": lambda: EmptyPanel("ph.users", "No workers yet", "People appear here.", "Launch a task"),
}


@pytest.mark.parametrize("scheme", theme.SCHEMES)
@pytest.mark.parametrize("name", MAKERS)
def test_each_widget_draws_itself_in_its_own_size(qtbot: QtBot, qapp: QApplication, name: str, scheme: str) -> None:
    theme.apply(qapp, scheme)
    widget = MAKERS[name]()
    qtbot.addWidget(widget)
    widget.resize(widget.sizeHint())
    picture = widget.grab().toImage()
    theme.apply(qapp, "light")
    colors = {
        picture.pixelColor(x, y).name() for x in range(0, picture.width(), 2) for y in range(0, picture.height(), 2)
    }
    assert len(colors) > 1


def test_a_button_is_wide_enough_for_its_word_and_its_key(qtbot: QtBot) -> None:
    plain, keyed = Button("Pause"), Button("Pause", keys="Space")
    qtbot.addWidget(plain)
    qtbot.addWidget(keyed)
    assert keyed.sizeHint().width() > plain.sizeHint().width() + 30
    assert plain.sizeHint().width() > plain.fontMetrics().horizontalAdvance("Pause") + 20


def test_a_disabled_primary_button_does_not_look_like_one_that_can_be_pressed(qtbot: QtBot) -> None:
    button = Button("Launch", "primary")
    qtbot.addWidget(button)
    button.resize(button.sizeHint())
    button.setEnabled(False)
    assert button.grab().toImage().pixelColor(6, 15) != QColor(theme.current().hex("accent"))


@pytest.mark.parametrize(
    ("status", "tone"),
    [("accepted", "ok"), ("in task", "info"), ("assigned", "warn"), ("rejected", "bad"), ("launched", "idle")],
)
def test_a_status_has_its_tone(status: str, tone: str) -> None:
    assert tone_of(status) == tone


def test_a_pill_says_the_word_to_a_screen_reader_and_hides_without_one(qtbot: QtBot) -> None:
    pill = StatusPill("soft_rejected")
    qtbot.addWidget(pill)
    assert pill.accessibleName() == "Status: soft-rejected"
    pill.setStatus("")
    assert pill.isHidden()


def test_exclusive_chips_leave_at_most_one_on(qtbot: QtBot) -> None:
    row = ChipRow([("w", "at work"), ("d", "disconnected")])
    qtbot.addWidget(row)
    heard: list[list[str]] = []
    row.changed.connect(heard.append)
    chips = row.findChildren(Chip)
    chips[0].click()
    chips[1].click()
    chips[1].click()
    assert heard == [["w"], ["d"], []]


def test_a_chip_answers_enter(qtbot: QtBot) -> None:
    chip = Chip("at work")
    qtbot.addWidget(chip)
    QTest.keyClick(chip, Qt.Key.Key_Return)
    assert chip.isChecked()


def test_ctrl_enter_on_a_chip_goes_to_the_sheet_around_it(qtbot: QtBot) -> None:
    sheet = Sheet("Block mira", "Block")
    qtbot.addWidget(sheet)
    chips = ChipRow([("", "no end"), ("7", "7 days")])
    sheet.body.addWidget(chips)
    confirmed: list[bool] = []
    sheet.confirmed.connect(lambda: confirmed.append(True))
    week = chips.findChildren(Chip)[1]
    QTest.keyClick(week, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert confirmed == [True]
    assert not week.isChecked()


def test_chip_counts_are_grouped(qtbot: QtBot) -> None:
    row = ChipRow([("r", "to review")])
    qtbot.addWidget(row)
    row.setCount("r", 12345)
    assert row.findChildren(Chip)[0].text() == "to review 12\u00a0345"


def test_tabs_are_changed_by_mouse_and_arrow_keys(qtbot: QtBot) -> None:
    tabs = SectionTabs([("a", "Agents"), ("u", "Units"), ("l", "Log")])
    qtbot.addWidget(tabs)
    tabs.resize(400, 36)
    heard: list[str] = []
    tabs.changed.connect(heard.append)
    QTest.mouseClick(tabs, Qt.MouseButton.LeftButton, pos=QPoint(95, 18))
    QTest.keyClick(tabs, Qt.Key.Key_Right)
    QTest.keyClick(tabs, Qt.Key.Key_Right)
    assert heard == ["u", "l", "a"]
    assert tabs.accessibleName() == "Section: Agents"


def test_search_is_sent_on_enter_and_emptied_by_escape(qtbot: QtBot) -> None:
    field = SearchField("Filter agents")
    qtbot.addWidget(field)
    heard: list[str] = []
    field.searched.connect(heard.append)
    QTest.keyClicks(field, "mira")
    QTest.keyClick(field, Qt.Key.Key_Return)
    QTest.keyClick(field, Qt.Key.Key_Return)
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert heard == ["mira", ""]


def test_a_field_says_what_is_wrong_in_place_of_its_hint(qtbot: QtBot) -> None:
    field = FormField("Budget cap", QLineEdit(), "the run pauses when it is reached")
    qtbot.addWidget(field)
    field.setError("below the forecast of € 288.00")
    assert field.error() == "below the forecast of € 288.00"
    assert field.editor.accessibleDescription() == "below the forecast of € 288.00"
    field.setError("")
    assert field.error() == ""
    assert field.message.text() == "the run pauses when it is reached"


def test_grid_values_change_in_place(qtbot: QtBot) -> None:
    grid = KeyValueGrid()
    qtbot.addWidget(grid)
    grid.setRows([("Paid", "€ 1.00")])
    before = grid.value("Paid")
    grid.setRows([("Paid", "€ 2.00")])
    assert grid.value("Paid") is before
    assert isinstance(before, QLabel)
    assert before.text() == "€ 2.00"
    grid.setRows([("Rate", "€ 9")])
    assert isinstance(grid.value("Rate"), QLabel)


def test_a_mini_bar_stays_inside_for_fractions_beyond_one(qtbot: QtBot) -> None:
    bar = MiniBar()
    qtbot.addWidget(bar)
    bar.resize(100, 4)
    bar.setParts([(1.7, "bad")])
    assert bar.grab().toImage().pixelColor(50, 2) == QColor(theme.current().hex("bad"))


def test_figures_of_a_strip_are_as_wide_as_each_other_whatever_they_hold(qtbot: QtBot) -> None:
    strip = StatStrip({"done": "Done", "spent": "Spent", "agreement": "Agreement"})
    qtbot.addWidget(strip)
    strip.tile("spent").setFigure("€ 1 234 567.89", "of € 2 000 000 cap")
    strip.resize(902, 80)
    strip.show()
    widths = [tile.width() for tile in strip.tiles.values()]
    assert max(widths) - min(widths) <= 1


def test_an_empty_panel_keeps_its_text_inside_a_narrow_place(qtbot: QtBot) -> None:
    panel = EmptyPanel("ph.checks", "Nothing", "Submissions arrive here the moment that workers send them.")
    qtbot.addWidget(panel)
    panel.resize(320, 500)
    panel.show()
    assert panel.rect().contains(panel.text.geometry())
    assert panel.text.height() >= panel.text.heightForWidth(panel.text.width())


def test_text_labels_never_read_markup(qtbot: QtBot) -> None:
    made = label("<b>mira</b>")
    qtbot.addWidget(made)
    assert made.textFormat() == Qt.TextFormat.PlainText


def test_an_elided_label_keeps_the_whole_text_in_its_tool_tip(qtbot: QtBot) -> None:
    made = ElidedLabel("a very long name of a task that has no room")
    qtbot.addWidget(made)
    made.resize(60, 18)
    made.grab()
    assert made.toolTip() == "a very long name of a task that has no room"
    made.resize(600, 18)
    made.grab()
    assert made.toolTip() == ""


def test_no_widget_looks_like_a_sequence() -> None:
    """PySide unpacks an object with `__getitem__` that is given to a signal; the KeyError of that ends the process."""
    sources = (theme.RESOURCES.parent / "app" / "views").rglob("*.py")
    assert [path.name for path in sources if "def __getitem__" in path.read_text("utf-8")] == []


def test_notes_of_a_strip_stand_below_their_figures_where_there_is_no_room_beside_them(qtbot: QtBot) -> None:
    strip = StatStrip({"done": "Done", "spent": "Spent"})
    qtbot.addWidget(strip)
    strip.resize(320, 90)
    strip.show()
    tile = strip.tile("done")
    tile.setFigure("12", "of 54")
    assert tile._note.y() == tile._figure.y(), "beside it"
    tile.setFigure("108 000", "of 180 000 · 60 %")
    QApplication.processEvents()
    assert tile._note.y() > tile._figure.y()
    assert tile._note.width() >= tile._note.fontMetrics().horizontalAdvance("of 180 000 · 60 %")
    tile.setFigure("12", "of 54")
    QApplication.processEvents()
    assert tile._note.y() > tile._figure.y(), "nothing jumps when a number gets shorter"
    strip.resize(900, 90)
    QApplication.processEvents()
    tile.setFigure("12", "of 54")
    QApplication.processEvents()
    assert tile._note.geometry().left() > tile._figure.geometry().left()


def test_escape_empties_a_filter_and_then_leaves_it(qtbot: QtBot) -> None:
    field = SearchField("Filter units")
    qtbot.addWidget(field)
    left: list[bool] = []
    field.left_downwards.connect(lambda: left.append(True))
    field.setText("owl")
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert (field.text(), left) == ("", [])
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert left == [True]


def test_a_sheet_grows_with_what_its_fields_have_to_say(qtbot: QtBot) -> None:
    window = QWidget()
    window.resize(900, 700)
    qtbot.addWidget(window)
    window.show()
    sheet = Sheet("Add units", "Add")
    field = FormField("File", QLineEdit())
    sheet.body.addWidget(field)
    sheet.open_over(window)
    before = sheet.panel.height()
    field.setError("There is no column of this name in the data, " * 5)
    QApplication.processEvents()
    assert sheet.panel.height() > before
    assert field.message.height() >= field.message.heightForWidth(field.message.width())
    assert field.editor.height() >= field.editor.minimumSizeHint().height()
