-- takes room in the inbox for a new upload, unless the party then had more than it may: one statement, so that no two take the same room
INSERT INTO upload (id, party, person, entrustment, name, size, state, created)
SELECT @id, @party, @person, @entrustment, @name, @size, 'open', @created
WHERE (SELECT COUNT(*) FROM upload WHERE party = @party AND ended = 0) < @files
  AND (SELECT COALESCE(SUM(size), 0) FROM upload WHERE party = @party AND ended = 0) <= @bytes - @size
