-- a person has read a notice of theirs; when it was first read stays
UPDATE notice SET read = CASE read WHEN 0 THEN ?3 ELSE read END WHERE id = ?1 AND person = ?2
