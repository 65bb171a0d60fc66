"""Equations become a line that people can read."""

from __future__ import annotations

import pytest
from lxml import etree

from raft_core.documents.equations import equation
from tests.documents.office_files import NAMESPACES


def r(text: str) -> str:
    return f"<m:r><m:t>{text}</m:t></m:r>"


def e(inside: str) -> str:
    return f"<m:e>{inside}</m:e>"


def power(base: str, above: str) -> str:
    return f"<m:sSup>{e(base)}<m:sup>{above}</m:sup></m:sSup>"


def fraction(above: str, below: str, properties: str = "") -> str:
    return f"<m:f><m:fPr>{properties}</m:fPr><m:num>{above}</m:num><m:den>{below}</m:den></m:f>"


NO_BAR = '<m:type m:val="noBar"/>'
ROOT = (
    f'<m:rad><m:radPr><m:degHide m:val="1"/></m:radPr><m:deg/>{e(power(r("b"), r("2")) + r("-4ac"))}</m:rad>'
)


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        (r("p=42kPa"), "p=42kPa"),
        (r("x=") + fraction(r("-b±") + ROOT, r("2a")), "x=(-b±√(b^2-4ac))/2a"),
        (fraction(r("1"), r("x+1")), "1/(x+1)"),
        (power(r("e"), r("-x")), "e^(-x)"),
        (f"<m:sSub>{e(r('x'))}<m:sub>{r('12')}</m:sub></m:sSub>", "x_12"),
        (f"<m:sSubSup>{e(r('x'))}<m:sub>{r('i')}</m:sub><m:sup>{r('2')}</m:sup></m:sSubSup>", "x_i^2"),
        (f"<m:sPre><m:sub>{r('6')}</m:sub><m:sup>{r('14')}</m:sup>{e(r('C'))}</m:sPre>", "_6^14C"),
        (f"<m:rad><m:deg>{r('3')}</m:deg>{e(r('8'))}</m:rad>", "√[3](8)"),
        (f'<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub>{r("i=1")}</m:sub><m:sup>{r("n")}</m:sup>{e(r("i"))}</m:nary>', "∑_(i=1)^n i"),
        (f"<m:nary><m:sub>{r('0')}</m:sub><m:sup>{r('1')}</m:sup>{e(r('x dx'))}</m:nary>", "∫_0^1 x dx"),
        (f"<m:d>{e(r('a'))}{e(r('b'))}</m:d>", "(a|b)"),
        (f'<m:d><m:dPr><m:begChr m:val="["/><m:endChr m:val=""/></m:dPr>{e(r("a"))}</m:d>', "[a"),
        (f"<m:func><m:fName>{r('sin')}</m:fName>{e(r('x'))}</m:func>", "sin x"),
        (f"<m:func><m:fName><m:limLow>{e(r('lim'))}<m:lim>{r('x→0')}</m:lim></m:limLow></m:fName>{e(r('f'))}</m:func>", "lim_(x→0) f"),
        (f'<m:acc><m:accPr><m:chr m:val="&#x20D7;"/></m:accPr>{e(r("v"))}</m:acc>', "v\u20d7"),
        (f"<m:m><m:mr>{e(r('1'))}{e(r('2'))}</m:mr><m:mr>{e(r('3'))}{e(r('4'))}</m:mr></m:m>", "[1, 2; 3, 4]"),
        (f"<m:eqArr>{e(r('x&amp;=1'))}{e(r('y&amp;=2'))}</m:eqArr>", "x=1; y=2"),
        (f'<m:phant><m:phantPr><m:show m:val="0"/></m:phantPr>{e(r("gone"))}</m:phant>', ""),
        (f"<m:d>{e(fraction(r('n'), r('k'), NO_BAR))}</m:d>", "(n over k)"),
        (f"<m:borderBox>{e(r('boxed'))}</m:borderBox>", "boxed"),
    ],
)  # fmt: skip
def test_equation(inside: str, text: str) -> None:
    """Each structure has its usual way of writing on one line, in brackets where it needs them."""
    element = etree.fromstring(f"<m:oMath {NAMESPACES}>{inside}</m:oMath>")
    assert equation(element) == text
