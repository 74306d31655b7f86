print("not a note")
