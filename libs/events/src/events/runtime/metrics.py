"""Every metric of the event machinery, as Prometheus counts them. No label ever names a person."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

APPENDED = Counter("gdpr_events_appended_total", "Events recorded in the store.", ["type"])
REFUSED = Counter("gdpr_commands_refused_total", "Commands refused, by rule.", ["decider", "slug"])
REPEATED = Counter("gdpr_commands_repeated_total", "Commands that had been answered before.", ["decider"])
CONFLICTS = Counter("gdpr_append_conflicts_total", "Appends tried again since the stream had moved on.")
RELAYED = Counter("gdpr_events_relayed_total", "Events published to Kafka.", ["topic"])
RELAY_LEADS = Gauge("gdpr_relay_leads", "1 where this process publishes.")
RELAY_BEHIND = Gauge(
    "gdpr_relay_oldest_unpublished_seconds", "Age of the oldest event not yet published; 0 where there is none."
)
APPLIED = Counter("gdpr_events_applied_total", "Events that a projection or reaction took in.", ["name"])
SKIPPED = Counter("gdpr_events_skipped_total", "Repeats that a projection dropped by their version.", ["name"])
LAG = Gauge(
    "gdpr_lag_records", "Records between the end of the topic and the position.", ["name", "topic", "partition"]
)
HALTED = Gauge("gdpr_partitions_halted", "Partitions that stopped at a gap or at poison.", ["name"])
FOREIGN_LOGS = Counter("gdpr_positions_reset_total", "Positions that belonged to another log and began anew.", ["name"])
APPLY_SECONDS = Histogram("gdpr_apply_seconds", "One transaction of a projection.", ["name"])
KEYS_CACHED = Gauge("gdpr_keys_cached", "Keys of persons held in memory.")
