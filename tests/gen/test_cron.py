# SPDX-License-Identifier: Apache-2.0
"""base/cron and base/zone against Python: its zoneinfo reads the same zone files in its own way, and
due times are found by looking at every minute."""
import os
import random
import subprocess
import unittest
import zoneinfo
from datetime import datetime, timedelta, timezone

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("QUESTD_BUILD", os.path.join(TOP, "build"))
CRON = os.path.join(BUILD, "tests", "gen", "cron_lines")

# Half an hour's change (Lord_Howe), summer in the south, a quarter of an hour (Chatham), none at all
# (Tokyo), before midnight (Azores, Beirut), a day left out (Apia, 2011), summer that is "standard" (Dublin).
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Pacific/Chatham", "Asia/Tokyo",
         "Atlantic/Azores", "Asia/Beirut", "Pacific/Apia", "Europe/Dublin"]
YEARS = (2009, 2013)  # Apia's day among them
# minutes, hours, days, months, weekdays (0 = Sunday), as text and as what the text means
SPARSE = [
    ("30 2 * * *", [30], [2], None, None, None),
    ("0 0 * * *", [0], [0], None, None, None),
    ("*/10 1-3 * * *", range(0, 60, 10), [1, 2, 3], None, None, None),
    ("15,45 23,0 * * SUN", [15, 45], [0, 23], None, None, [0]),
    ("0 12 13 * FRI", [0], [12], [13], None, [5]),
    ("59 23 28-31 * *", [59], [23], range(28, 32), None, None),
    ("0 3 29 FEB *", [0], [3], [29], [2], None),
    ("5 */2 * MAR-APR,oct 0-7/6", [5], range(0, 24, 2), None, [3, 4, 10], [0, 6]),
]
EVERY_HOUR = [("30 * * * *", [30]), ("*/7 * * * *", range(0, 60, 7))]


def ask(lines):
    done = subprocess.run([CRON], input="".join(line + "\n" for line in lines), capture_output=True, text=True)
    assert done.returncode == 0, (done.returncode, done.stderr)
    return done.stdout.split("\n")[:-1]


def is_day(date, days, months, weekdays):
    if months is not None and date.month not in months:
        return False
    weekday = (date.weekday() + 1) % 7
    if days is not None and weekdays is not None:
        return date.day in days or weekday in weekdays
    return (days is None or date.day in days) and (weekdays is None or weekday in weekdays)


def moment(local, zone):
    """When the clocks there first show this, or jump over it."""
    before = int(local.replace(tzinfo=zone, fold=0).timestamp())
    if datetime.fromtimestamp(before, zone).replace(tzinfo=None) == local:
        return before
    low, high = int(local.replace(tzinfo=zone, fold=1).timestamp()), before  # the change lies in between
    def shows_less(t):
        return datetime.fromtimestamp(t, zone).replace(tzinfo=None) < local
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if shows_less(middle) else (low, middle)
    return high


def sparse(zone, minutes, hours, days, months, weekdays):
    found, at = set(), datetime(YEARS[0], 1, 1) - timedelta(days=2)
    of_day = [timedelta(minutes=m) for m in range(1440) if m // 60 in hours and m % 60 in minutes]
    while at < datetime(YEARS[1], 1, 3):
        if is_day(at, days, months, weekdays):
            found.update(moment(at + m, zone) for m in of_day)
        at += timedelta(days=1)
    return found


@unittest.skipUnless(os.path.exists(CRON), "cron_lines is not built")
class Cron(unittest.TestCase):
    def setUp(self):
        self.after = int(datetime(YEARS[0], 1, 1, tzinfo=timezone.utc).timestamp())
        self.until = int(datetime(YEARS[1], 1, 1, tzinfo=timezone.utc).timestamp())

    def check(self, cases):
        answers = ask(f"due\t{name}\t{self.after}\t{self.until}\t{text}" for name, text, _ in cases)
        n = 0
        for (name, text, want), answer in zip(cases, answers, strict=True):
            got, want = [int(t) for t in answer.split()], sorted(t for t in want if self.after < t <= self.until)
            self.assertEqual(len(got), len(set(got)))
            self.assertEqual(got, want, f"{text} in {name}: {[datetime.fromtimestamp(t, zoneinfo.ZoneInfo(name)) for t in set(got) ^ set(want)][:4]}")
            n += len(got)
        self.assertGreater(n, 1000)

    def test_next_is_what_a_scan_of_four_years_finds(self):
        self.check([(name, text, sparse(zoneinfo.ZoneInfo(name), *sets)) for name in ZONES for text, *sets in SPARSE])

    def test_with_every_hour_it_is_each_minute_that_the_clock_shows(self):
        cases = []
        for name in ZONES:
            zone, offsets = zoneinfo.ZoneInfo(name), {}
            for t in range(self.after - self.after % 900, self.until + 900, 900):
                offsets[t] = int(datetime.fromtimestamp(t, zone).utcoffset().total_seconds())
            for text, minutes in EVERY_HOUR:
                cases.append((name, text, [t + 60 * i for t, offset in offsets.items() for i in range(15)
                                           if (t + 60 * i + offset) // 60 % 60 in minutes]))
        self.check(cases)

    def test_last_is_the_last_that_next_finds(self):
        random_ = random.Random(7)
        for name in ZONES[:4]:
            for text, *_ in SPARSE[:5]:
                due = [int(t) for t in ask([f"due\t{name}\t{self.after}\t{self.until}\t{text}"])[0].split()]
                lines, want = [], []
                for _ in range(40):
                    a, b = sorted(random_.choice(due) + random_.choice([-1, 0, 1, 7000]) for _ in range(2))
                    inside = [t for t in due if a < t <= b]
                    lines.append(f"last\t{name}\t{a}\t{b}\t{text}")
                    want.append(str(inside[-1]) if inside else "none")
                self.assertEqual(ask(lines), want)

    def test_29_february_is_found_over_a_century_that_has_none(self):
        after = int(datetime(2096, 3, 1, tzinfo=timezone.utc).timestamp())
        answer = ask([f"due\tUTC\t{after}\t{after + 10 * 366 * 86400}\t0 0 29 2 *",
                      f"due\tUTC\t{after}\t{after + 41 * 366 * 86400}\t0 0 29 2 */7"])
        self.assertEqual(answer[0].split(), [str(int(datetime(2104, 2, 29, tzinfo=timezone.utc).timestamp()))])
        self.assertEqual(answer[1].split()[0], str(int(datetime(2128, 2, 29, tzinfo=timezone.utc).timestamp())))

    def test_every_zone_is_read_as_python_reads_it(self):
        """Times before, within and far behind the tables of all zones there are."""
        random_, lines, want = random.Random(11), [], []
        names = sorted(n for n in zoneinfo.available_timezones() if not n.startswith(("posix/", "right/")) and n not in ("localtime", "Factory"))
        for name in names:
            zone = zoneinfo.ZoneInfo(name)
            for t in [-(1 << 32), 0, *(random_.randrange(-3 * 10 ** 9, 2 * 10 ** 10) for _ in range(30))]:
                lines.append(f"offset\t{name}\t{t}")
                moment_ = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=t)
                want.append((name, t, int(moment_.astimezone(zone).utcoffset().total_seconds())))
        wrong = [(w, got) for w, got in zip(want, ask(lines), strict=True) if str(w[2]) != got]
        self.assertEqual(wrong[:5], [])
        self.assertGreater(len(names), 300)

    def test_what_is_wrong_is_named_with_field_and_column(self):
        cases = {
            "61 * * * *": ("minute", 1, "61 is not between 0 and 59"),
            "0 24 * * *": ("hour", 3, "24 is not between 0 and 23"),
            "0 0 0 * *": ("day of month", 5, "0 is not between 1 and 31"),
            "0 0 * 13 *": ("month", 7, "13 is not between 1 and 12"),
            "0 0 * * 8": ("day of week", 9, "8 is not between 0 and 7"),
            "0 0 * * MONDAY": ("day of week", 9, "'MONDAY' is no value of this field (a number, or a name of three letters)"),
            "0 0 * JAN-DEZ *": ("month", 11, "'DEZ' is no value of this field (a number, or a name of three letters)"),
            "5- * * * *": ("minute", 3, "a value is missing"),
            "1,,2 * * * *": ("minute", 3, "a value is missing"),
            "10-5 * * * *": ("minute", 1, "the range ends before it begins"),
            "5/10 * * * *": ("minute", 2, "a step needs * or a range before it, as in 0-59/5"),
            "*/0 * * * *": ("minute", 3, "a step is between 1 and 59"),
            "*5 * * * *": ("minute", 2, "'5' is not expected here"),
            "0 0 L * *": ("day of month", 5, "'L' is no value of this field"),
            "0 0 * *": ("day of week", 8, "this field is missing: there are five, of minute, hour, day of month, month, day of week"),
            "0 0 0 * * *": ("day of month", 5, "0 is not between 1 and 31"),
            "0 0 1 * * *": ("cron", 11, "there is a sixth field: seconds and years are none of cron's"),
            "0 0 31 2,4 *": ("day of month", 5, "no such day is in these months: it would never be due"),
            "@reboot": ("cron", 1, "there are @hourly, @daily, @weekly, @monthly, @yearly, and every 10m"),
            "every 30s": ("cron", 7, "an interval is between 60s and 366d"),
            "every m": ("cron", 7, "how often? A number and s, m, h, d or w, as in every 10m"),
            "every 5 minutes": ("cron", 8, "after the number comes s, m, h, d or w and no more"),
            "every 367d": ("cron", 7, "an interval is between 60s and 366d"),
            "": ("cron", 1, "1 to 120 characters are needed"),
        }
        answers = ask(f"parse\t{text}" for text in cases)
        for (text, want), answer in zip(cases.items(), answers, strict=True):
            self.assertEqual(tuple(answer.split("\t")), tuple(map(str, want)), text)

    def test_what_is_right_is_taken(self):
        texts = ["* * * * *", "@daily", "@WEEKLY", "every 10m", "Every 60s", "every 366d", "0 9 * * mon-fri", "0 0 * * SAT-SUN",
                 "0 0 * * 5-0", "1,2,3-9/2,*/20 0 1-31 jan,FEB-Dec 0-7", "  0   0 1 1 *  ", "0 0 31 * *", "0 0 30 2 MON"]
        self.assertEqual(ask(f"parse\t{text}" for text in texts), ["ok"] * len(texts))


if __name__ == "__main__":
    unittest.main()
