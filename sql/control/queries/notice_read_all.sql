-- a person has read all notices of theirs
UPDATE notice SET read = ?2 WHERE person = ?1 AND read = 0
