c = get_config()  # noqa: F821  given by traitlets when it reads this file

c.CourseDirectory.course_id = "rain"
c.Execute.timeout = 10  # seconds for a cell
