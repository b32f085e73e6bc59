-- how many rows a table has; the engine alone sees it
SELECT count() AS rows FROM {table:Identifier}
