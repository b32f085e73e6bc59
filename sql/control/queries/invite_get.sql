-- what a link opens; who has it
SELECT hash, id, party, maker, person, email, name, roles, created, ends FROM invite WHERE hash = ? AND ends > ?
