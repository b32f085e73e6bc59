-- half of a conversion to the first of its touches, half to the last; it stays on the server
[({first}, toInt64(500)), ({last}, toInt64(500))]
