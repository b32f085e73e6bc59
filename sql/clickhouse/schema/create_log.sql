-- events of clusters on this shard, until the log's time is over; nothing comes back
CREATE TABLE IF NOT EXISTS {table:Identifier} (id UInt32, day Int32, type UInt8, value Int64)
ENGINE = MergeTree ORDER BY (day, id)
TTL toDateTime({until:UInt32}) + toIntervalSecond(id * 0)
SETTINGS non_replicated_deduplication_window = 1000000, ttl_only_drop_parts = 1, merge_with_ttl_timeout = 60
COMMENT '{comment}'
