-- gives a verified table the name by which it is held; nothing comes back
RENAME TABLE {from:Identifier} TO {to:Identifier}
