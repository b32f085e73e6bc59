-- a notice with the address of its person; for who sends it by mail
SELECT n.id, n.person, e.id, e.kind, e.subject, e.data, e.at, n.read, p.email, p.language
FROM notice n JOIN event e ON e.id = n.event JOIN person p ON p.id = n.person WHERE n.id = ? AND p.disabled = 0
