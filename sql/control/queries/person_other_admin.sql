-- whether a party has an admin who can sign in, besides one person
SELECT EXISTS (SELECT 1 FROM person, json_each(person.roles) AS role WHERE person.party = ? AND person.id <> ? AND person.disabled = 0 AND role.value = 'admin')
