-- which some tables are and how many rows they have, from their parts' headers; the engine alone sees it
SELECT name, toString(uuid) AS which, ifNull(total_rows, 0) AS rows FROM system.tables WHERE database = currentDatabase() AND name IN {tables:Array(String)}
