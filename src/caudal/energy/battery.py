"""The battery of a portable machine as a meter: the whole machine, coarse, and only while it discharges."""

from pathlib import Path

SUPPLIES = Path("/sys/class/power_supply")
_JOULES_PER_MICROWATT_HOUR = 3.6e-3


def charge() -> float | None:
    """Joules left in all batteries, or None where there is none, one charges, or one tells no charge.

    Example:
        >>> joules = charge()
        >>> joules is None or joules >= 0
        True
    """
    left = [
        _left(supply)
        for supply in sorted(SUPPLIES.glob("*"))
        if _word(supply, "type") == "Battery" and _is_ours(supply)
    ]
    return None if not left or None in left else sum(joules or 0.0 for joules in left)


def _is_ours(supply: Path) -> bool:
    """Mice and keyboards have batteries too, of scope "Device"."""
    return _word(supply, "scope") != "Device"


def _left(supply: Path) -> float | None:
    if _word(supply, "status") != "Discharging":
        return None
    try:
        if (supply / "energy_now").is_file():
            return float(_word(supply, "energy_now")) * _JOULES_PER_MICROWATT_HOUR
        # Microampere hours at a nominal voltage: that of the moment sags under load.
        volts = float(_word(supply, "voltage_min_design") or _word(supply, "voltage_now")) * 1e-6
        return float(_word(supply, "charge_now")) * volts * _JOULES_PER_MICROWATT_HOUR
    except ValueError:
        return None


def _word(supply: Path, name: str) -> str:
    try:
        return (supply / name).read_text().strip()
    except OSError:
        return ""
