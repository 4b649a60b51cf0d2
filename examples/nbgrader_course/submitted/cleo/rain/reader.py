import csv


def read_rain(path):
    with open(path, newline="") as file:
        return [float(row["mm"]) for row in csv.DictReader(file)]
