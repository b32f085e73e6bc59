-- how a delivery stands after a try, where no other job drives it by now
UPDATE delivery SET state = ?3, tries = tries + 1, next = ?4, ended = ?5 WHERE id = ?1 AND job = ?2 AND state = 'waiting'
