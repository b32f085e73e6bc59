-- all of a conversion to the last of its touches; it stays on the server
[({last}, toInt64(1000))]
