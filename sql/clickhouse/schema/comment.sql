-- says in a table's comment what it is of; nothing comes back
ALTER TABLE {table:Identifier} MODIFY COMMENT '{comment}'
