"""The checks that bugs are shown to: parts of the harness, each small, run as a person would."""

import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path

THREE_SERVICES = ("serve catalog", "serve order", "serve front")


@dataclass(frozen=True)
class Part:
    """A check: a module that is run, which ends with 1 and says what is wrong where it is."""

    name: str
    words: tuple[str, ...]
    """After `python -m`."""
    processes: tuple[str, ...]
    """Words from the commands of all that have to import the package while it runs."""
    says: re.Pattern[str]
    """Finds the sentences that name a broken promise in what it prints."""
    limit_s: float
    """A run that takes longer proves nothing: every check has much shorter bounds of its own."""

    def command(self, seed: int, folder: Path) -> list[str]:
        """Return the words that run it.

        Args:
            seed: of everything that it draws.
            folder: for what it writes.
        """
        words = (word.format(seed=seed, folder=folder) for word in self.words)
        return [sys.executable, "-m", *words]


def _chaos(name: str, *figures: str, processes: tuple[str, ...] = ()) -> Part:
    """Return a part of `make chaos`, with figures of its own."""
    words = ("chaos", "--only", name, "--seed", "{seed}", "--folder", "{folder}", *figures)
    says = re.compile(r"^  - (.+)$", re.MULTILINE)
    return Part(name, words, ("-m chaos", *processes), says, limit_s=240)


def _tests(name: str, path: str) -> Part:
    """Return tests; the names of those that fail are the sentences."""
    options = ("-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--hypothesis-seed={seed}")
    without_src = "--override-ini=pythonpath=tests"
    says = re.compile(r"^FAILED \S+?::(.+)$", re.MULTILINE)
    return Part(name, ("pytest", path, *options, without_src), ("-m pytest",), says, limit_s=120)


STORM = _chaos("storm", "--purchases", "300", "--faults", "12", processes=THREE_SERVICES)
POWER_CUTS = _chaos("power-cuts", "--power-cuts", "40")
CRASH_POINTS = _chaos("crash-points", "--crash-points", "12", processes=THREE_SERVICES)
RESERVE_MODEL = _tests("reserve model", "tests/unit/catalog/test_reserve_model.py")
PLACE_MODEL = _tests("place model", "tests/unit/order/test_place_model.py")
BALANCING = _tests("balancing", "tests/unit/kit/peers/test_balancing.py")
SEVERAL_TARGETS = _tests("several targets", "tests/unit/kit/peers/test_several.py")
SIGNED_CALLS = _tests("signed calls", "tests/service/test_signed_calls.py")
ANNOUNCED = _tests("what was announced", "tests/service/test_announced.py")
CANDIDATES = _tests("candidates", "tests/unit/kit/peers/test_candidates.py")
CREDENTIALS = _tests("credentials", "tests/unit/kit/peers/test_credentials.py")
CONNECTING = _tests("connecting", "tests/unit/kit/peers/test_connecting.py")
CACHE_OFF = _tests("cache off", "tests/unit/front/upstream/test_cache_off.py")
FRONT_ORDERS = _tests("orders at the front", "tests/unit/front/upstream/test_orders.py")
CACHE_MODEL = _tests("cache model", "tests/unit/front/upstream/test_cache.py")
SHUT_FIRST = _tests(
    "shut first",
    "tests/contract/test_move.py::test_no_new_database_opens_before_the_old_folder_is_shut",
)
KILLED_MOVE = replace(
    _tests(
        "killed move",
        "tests/contract/test_move.py::test_a_move_that_was_killed_goes_on_where_it_stopped",
    ),
    processes=("-m pytest", "move --from"),
)
NUMBERS = _tests("numbers", "tests/contract/test_moved.py")
COMPARED = _tests(
    "compared rows", "tests/contract/test_move.py::test_a_row_too_many_or_too_few_is_found_out"
)
OVERTAKEN = _tests(
    "overtaken by a cancel",
    "tests/service/test_order_lifecycle.py"
    "::test_a_cancel_that_overtakes_the_recovery_loop_is_never_sold",
)
JUMPING_CLOCK = _tests(
    "jumping clock",
    "tests/service/test_order_failures.py::test_a_clock_that_jumps_keeps_no_order_from_its_end",
)
STUCK = _tests(
    "stuck orders",
    "tests/service/test_order_stuck.py::test_a_damaged_order_holds_up_no_other",
)
ORDER_STORE = _tests("order store", "tests/contract/order_store/test_orders.py")
ORDER_LISTS = _tests("order lists", "tests/contract/order_store/test_lists.py")
CHANGED_AFTER_CRASH = _tests(
    "changed after a crash",
    "tests/service/test_order_failures.py::test_a_crash_and_then_a_change_know_what_was_told",
)
CANCELS = _tests(
    "cancels at once",
    "tests/service/test_order_lifecycle.py::test_cancels_at_once_share_one_release",
)
CLIMBING = replace(
    _tests(
        "climbing paths",
        "tests/fuzz/test_ugly_requests.py"
        "::test_a_path_does_not_climb_to_where_strangers_may_not_go",
    ),
    processes=("-m pytest", *THREE_SERVICES),
)
OWN_SALES = _tests(
    "front test",
    "tests/service/test_front.py::test_the_front_sees_its_own_sales_before_the_feed_tells_of_them",
)
"""In a storm the feed is seldom slower than the next read."""
TWO_ENDS = replace(
    _tests(
        "two ends",
        "tests/fuzz/test_ugly_requests.py::test_two_ends_are_refused_on_every_route",
    ),
    processes=("-m pytest", *THREE_SERVICES),
)
"""Only the server itself shows what it takes away."""
HOSTS = replace(
    _tests(
        "hosts",
        "tests/fuzz/test_ugly_requests.py::test_a_request_is_for_one_host_that_the_service_is",
    ),
    processes=("-m pytest", *THREE_SERVICES),
)
FOREIGN_PAGES = _tests(
    "foreign pages",
    "tests/service/test_http.py::test_a_page_of_another_site_writes_nowhere",
)
INVITED_PAGES = _tests("invited pages", "tests/service/test_cors.py")
CONDITIONS = _tests(
    "conditions",
    "tests/service/test_catalog_conditions.py::test_what_has_changed_since_is_left_alone",
)
PACKED = _tests(
    "packed answers",
    "tests/service/test_packed.py::test_pages_for_one_reader_are_never_packed",
)
CROWDS = _tests(
    "crowds",
    "tests/service/test_overload.py::test_readers_who_wait_for_the_catalog_keep_no_buyer_out",
)
CANCELLING = _tests(
    "a crowd that cancels",
    "tests/service/test_overload.py::test_a_crowd_that_cancels_keeps_no_buyer_out",
)
MANY_LINES = _tests("orders with many lines", "tests/service/test_order_many_lines.py")
UNITS_OF_AN_IMPORT = _tests(
    "units of an import",
    "tests/service/test_catalog_imports.py"
    "::test_an_import_is_taken_in_over_as_many_units_as_it_has_time_for",
)
UNREAD_LOG = _tests(
    "unread log",
    "tests/unit/kit/test_log.py::test_who_does_not_read_holds_up_nobody_who_logs",
)
SUPERVISING = _tests("supervisor alone", "tests/cluster/test_supervisor.py")
OWN_POSTGRES = _tests("a PostgreSQL of our own", "tests/cluster/test_postgres_server.py")
CONNECTIONS = _tests("connections", "tests/unit/kit/process/test_connections.py")
SECRETS = _tests("secrets", "tests/unit/kit/test_secret.py")
WHERE_SECRETS_GO = _tests("where secrets go", "tests/unit/cli/test_shop.py")
COUNTERS = _tests(
    "counters",
    "tests/service/test_counters.py"
    "::test_the_counters_are_for_who_has_the_secret_unless_they_were_opened",
)
FIRST_VISITOR = replace(
    _tests(
        "first visitor",
        "tests/cluster/test_up.py::test_a_script_that_waits_for_the_front_finds_the_books",
    ),
    processes=("-m pytest", *THREE_SERVICES),
)
SERVER_ENDS = _tests("server ends", "tests/unit/kit/process/test_server.py")
TRUST = _tests("trust model", "tests/unit/front/upstream/test_trust.py")
FRONT_READS = _tests("reads of the front", "tests/unit/front/upstream/test_catalog.py")
CHANGE_FEED = _tests("change feed", "tests/service/test_catalog_feed.py")
FRESHNESS = _tests("freshness", "tests/service/test_freshness.py")
TAMPERING = _tests("tampering tests", "tests/service/test_audit_tampering.py")
REMOTE = _tests("remote tests", "tests/unit/tools/test_remote.py")
EXIT_CODES = _tests("exit codes", "tests/unit/cli/test_main.py")
IMPORTS = _tests("import tests", "tests/service/test_catalog_imports.py")
_CUTS = "tests/contract/test_postgres_cuts.py"
LOST_COMMITS = _tests("lost commits", f"{_CUTS}::test_a_commit_without_an_answer_is_indefinite")
TAKEN_ALONG = _tests(
    "connections nobody uses", f"{_CUTS}::test_one_that_breaks_takes_along_all_that_nobody_uses"
)
RUN_AGAIN = _tests("units run again", f"{_CUTS}::test_before_its_commit_every_unit_is_run_again")
_STANDBY = "tests/contract/test_postgres_standby.py"
NO_STANDBY = _tests(
    "no standby", f"{_STANDBY}::test_no_write_answers_before_the_standby_has_what_it_tells"
)
COMMITS_ENDED = _tests(
    "commits ended", f"{_STANDBY}::test_a_commit_that_somebody_else_ends_is_not_acknowledged"
)
_POSTGRES = "tests/contract/test_postgres.py"
HIDDEN_FAILURES = _tests(
    "hidden failures",
    f"{_POSTGRES}::test_a_unit_that_hides_a_failed_statement_is_never_told_to_be_done",
)
SCANS_LEFT = _tests("scans left", f"{_POSTGRES}::test_the_server_ends_a_scan_that_nobody_waits_for")
SEVERAL_HOSTS = _tests(
    "several hosts", f"{_POSTGRES}::test_of_several_hosts_one_that_works_is_taken"
)
FAILED_OVER = _tests("hosts that take each other's place", "tests/contract/test_postgres_hosts.py")
LAZY_WRITES = _tests("lazy writes", "tests/contract/test_lazy_writes.py")
LAZY_CUTS = _tests(
    "power cuts among lazy writes",
    "tests/chaos/test_power_cuts.py"
    "::test_a_power_cut_takes_lazy_writes_from_the_end_and_no_durable_one",
)
FAULTS = _tests(
    "faults around a batch",
    "tests/contract/test_sqlite.py::test_a_fault_around_a_batch_ends_the_process_with_a_line",
)
LOG = _tests("SQLite's log", "tests/contract/test_sqlite_log.py")
SCANS = _tests("scans", "tests/contract/test_scans.py")
PLANS = _tests("plans", "tests/contract/test_plans.py")
LOCK = _tests("lock", "tests/unit/kit/test_lock.py")
KEYED_WRITES = _tests("keyed writes", "tests/service/test_catalog_keys.py")
BASKET = _tests("basket", "tests/unit/front/storefront/test_basket.py")
_BUYING = "tests/service/test_buying_pages.py"
DOUBLE_CLICK = _tests("double click", f"{_BUYING}::test_a_double_click_buys_once")
OWN_LINES = _tests(
    "a form's own lines",
    f"{_BUYING}::test_what_the_page_showed_is_bought_and_nothing_else",
)
REFUSED_AND_BACK = _tests(
    "refused and back",
    f"{_BUYING}::test_a_book_that_is_back_can_be_ordered_after_a_refusal",
)
ASK_AGAIN = _tests("ask again", f"{_BUYING}::test_asking_again_buys_once")
_ON_POSTGRES = "tests/contract/test_order_postgres.py"
_REPLICAS = "tests/service/test_order_replicas.py"
SAME_BATCHES = _tests(
    "same batches",
    f"{_ON_POSTGRES}::test_a_batch_that_waits_for_its_first_holds_no_other",
)
READ_WHOLE = _tests("read whole", f"{_ON_POSTGRES}::test_one_reads_what_the_other_has_changed")
LISTED_LATE = _tests("listed late", f"{_ON_POSTGRES}::test_a_list_ends_before_what_may_still_come")
NOTED_LATE = _tests(
    "noted late", f"{_ON_POSTGRES}::test_a_letter_that_is_noted_late_is_not_passed_over"
)
RESTORED = _tests("restored", f"{_ON_POSTGRES}::test_places_of_another_server_stay_below_new_ones")
CANCELLED_LATE = _tests(
    "cancelled late", f"{_REPLICAS}::test_a_cancel_does_not_undo_what_was_handed_over_just_before"
)
CROWD_AT_BOTH = _tests(
    "crowd at both", f"{_REPLICAS}::test_a_crowd_at_both_does_not_pass_the_limit_of_an_address"
)
LETTERS_OF_BOTH = _tests("letters of both", "tests/service/test_order_replicas_mail.py")
CATALOGS_TOGETHER = _tests("catalogs together", "tests/service/test_catalogs_together.py")
ORDERS_AT_ONCE = _tests("orders at once", "tests/contract/test_order_postgres.py")
REFUSED_ELSEWHERE = _tests(
    "refused elsewhere",
    f"{_REPLICAS}::test_a_refusal_leaves_alone_what_was_cancelled_just_before",
)
REPEATED_BEFORE_SAFE = _tests(
    "repeated before it is safe",
    f"{_REPLICAS}::test_a_repetition_is_told_no_sooner_than_it_is_safe",
)
BEATS = _tests("beats", "tests/contract/test_postgres_listening.py")
CUT_OFF = replace(
    _tests(
        "cut off its database",
        "tests/chaos/test_staleness.py"
        "::test_a_catalog_without_its_database_does_not_say_that_all_is_well",
    ),
    processes=("-m pytest", "serve catalog", "serve front"),
)
