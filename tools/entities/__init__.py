"""Entities: the people and things that memories name, and the projects that memories belong to."""
