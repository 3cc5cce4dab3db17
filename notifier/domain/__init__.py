"""The rules: functions and frozen values, no input or output, time as an argument."""
