-- the clock of a server, and which database is asked: made anew it is another; the engine alone sees it
SELECT now() AS clock, toString(uuid) AS id FROM system.databases WHERE name = currentDatabase()
