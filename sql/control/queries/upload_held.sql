-- uploads of all parties that have a file in the inbox, oldest first, for who sweeps it; nobody sees them
SELECT id, party, person, entrustment, name, size, state, created, completed, ended FROM upload
WHERE ended = 0 AND id > ? ORDER BY id LIMIT ?
