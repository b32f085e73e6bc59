-- drops a table and waits until its rows are gone; nothing comes back
DROP TABLE IF EXISTS {table:Identifier} SYNC
