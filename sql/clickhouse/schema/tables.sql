-- the tables of the database, what their comments say and how many rows each has; the engine alone sees it
SELECT name, comment, ifNull(total_rows, 0) AS rows FROM system.tables WHERE database = currentDatabase()
