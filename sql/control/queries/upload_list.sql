-- uploads of a party, newest first; its people see them
SELECT id, party, person, entrustment, name, size, state, created, completed, ended FROM upload
WHERE party = @party AND (@after = '' OR id < @after) ORDER BY id DESC LIMIT @limit
