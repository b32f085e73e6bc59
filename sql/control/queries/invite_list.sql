-- the open invitations of a party, and those that it made, newest first
SELECT hash, id, party, maker, person, email, name, roles, created, ends FROM invite WHERE (party = ?1 OR maker = ?1) AND ends > ?2 AND (?3 = '' OR id < ?3) ORDER BY id DESC LIMIT ?4
