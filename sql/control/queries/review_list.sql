-- who read a draft, in the order that they did
SELECT r.person, p.party, p.name, r.at FROM review r JOIN person p ON p.id = r.person WHERE r.draft = ? ORDER BY r.at, r.person
