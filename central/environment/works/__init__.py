"""What is planned: works in a room that hold back its alarms, and the calendar of days off and make-up workdays."""
