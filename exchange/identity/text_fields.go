package identity

// fieldTexts explain verdicts, grades, the other fields and the warnings.
var fieldTexts = map[Key]Text{
	"order": {
		"Only for sorting the list. It is not a probability and decides nothing.",
		"Chỉ để sắp xếp danh sách. Không phải là xác suất và không quyết định điều gì.",
	},

	"index.cccd":          {"The same citizen identity number.", "Cùng số căn cước công dân."},
	"index.document":      {"A document with the same number.", "Có giấy tờ cùng số."},
	"index.letters_years": {"The same letters in the name, and the year of birth is the same or the next.", "Tên cùng các chữ cái, năm sinh trùng hoặc liền nhau."},
	"index.sounds_years":  {"The name sounds alike, and the year of birth is the same or the next.", "Tên đọc giống nhau, năm sinh trùng hoặc liền nhau."},
	"index.ends_years":    {"The first and the last part of the name sound alike, and the year of birth is the same or the next.", "Phần đầu và phần cuối của tên đọc giống nhau, năm sinh trùng hoặc liền nhau."},
	"index.letters":       {"The same letters in the name; the year of birth does not help.", "Tên cùng các chữ cái; năm sinh không giúp được."},
	"index.sounds_decade": {"The name sounds alike, and the years of birth are of the same decade.", "Tên đọc giống nhau, sinh trong cùng thập niên."},
	"index.sounds":        {"The name sounds alike; the year of birth does not help.", "Tên đọc giống nhau; năm sinh không giúp được."},

	"verdict.same":           {"Same", "Trùng"},
	"verdict.compatible":     {"Can be the same", "Có thể là một"},
	"verdict.different":      {"Different", "Khác"},
	"verdict.not_comparable": {"Cannot be compared", "Không so sánh được"},

	"grade.exact":  {"Exact", "Trùng hoàn toàn"},
	"grade.strong": {"Strong", "Khớp nhiều"},
	"grade.fair":   {"Fair", "Khớp vừa"},
	"grade.weak":   {"Weak", "Khớp ít"},
	"grade.none":   {"None", "Không khớp"},

	"field.name":                 {"Name", "Họ tên"},
	"field.sex":                  {"Sex", "Giới tính"},
	"field.date_of_birth":        {"Date of birth", "Ngày sinh"},
	"field.birthplace":           {"Birthplace", "Nơi sinh"},
	"field.citizenship":          {"Citizenship", "Quốc tịch"},
	"field.last_residence":       {"Last residence", "Nơi cư trú cuối cùng"},
	"field.cccd":                 {"Citizen identity number", "Số căn cước công dân"},
	"field.documents":            {"Documents", "Giấy tờ"},
	"field.father":               {"Father's name", "Họ tên cha"},
	"field.father_date_of_birth": {"Father's date of birth", "Ngày sinh của cha"},
	"field.mother":               {"Mother's name", "Họ tên mẹ"},
	"field.mother_date_of_birth": {"Mother's date of birth", "Ngày sinh của mẹ"},
	"field.missing":              {"Not given on one side or on both.", "Một bên hoặc cả hai bên không có thông tin."},

	"date.exact": {"The same day.", "Cùng một ngày."},
	"date.same_partial": {
		"The same month or year; more is not known.",
		"Cùng tháng hoặc cùng năm; không biết chi tiết hơn.",
	},
	"date.within": {
		"One side is less exact; the other lies within it.",
		"Một bên kém chính xác hơn; ngày của bên kia nằm trong khoảng đó.",
	},
	"date.overlap": {
		"Neither side is exact; the periods overlap.",
		"Cả hai bên đều không chính xác; hai khoảng thời gian giao nhau.",
	},
	"date.approximate": {
		"They agree within what one side calls approximate or uncertain.",
		"Khớp trong phạm vi mà một bên ghi là ước chừng hoặc không chắc chắn.",
	},
	"date.day_month_swapped": {
		"Day and month seem to be swapped.",
		"Có thể ngày và tháng bị đảo chỗ.",
	},
	"date.year_off_by_one": {
		"The years differ by one: a lunar year, or an age counted from one at birth.",
		"Năm lệch nhau một: có thể do năm âm lịch hoặc tính tuổi mụ.",
	},
	"date.perhaps_lunar": {
		"A few weeks apart: one side may have the day by the lunar calendar.",
		"Lệch nhau vài tuần: một bên có thể ghi ngày âm lịch.",
	},
	"date.first_of_january": {
		"One side has 1 January, which often stands for an unknown day of that year.",
		"Một bên ghi ngày 1 tháng 1, thường dùng khi không biết ngày trong năm đó.",
	},
	"date.one_digit": {
		"The dates differ by one digit: perhaps a slip of the pen.",
		"Hai ngày khác nhau một chữ số: có thể do viết nhầm.",
	},
	"date.near":       {"The dates are near, but nothing known explains the difference.", "Hai ngày gần nhau nhưng không có lý do đã biết cho sự khác biệt."},
	"date.differs":    {"The dates do not agree.", "Ngày không khớp."},
	"date.missing":    {"One side gives no date, or both.", "Một bên hoặc cả hai bên không có ngày."},
	"date.unreadable": {"A date cannot be read.", "Có ngày không đọc được."},
	"date.age_fits": {
		"One side gives only an age; the other's date fits it.",
		"Một bên chỉ có độ tuổi; ngày sinh của bên kia phù hợp.",
	},
	"date.age_differs": {
		"One side gives only an age; the other's date does not fit it.",
		"Một bên chỉ có độ tuổi; ngày sinh của bên kia không phù hợp.",
	},

	"sex.same":    {"The same.", "Giống nhau."},
	"sex.differs": {"Female on one side, male on the other.", "Một bên là nữ, một bên là nam."},
	"sex.open":    {"Not stated, or not specified, on one side or on both.", "Một bên hoặc cả hai bên không ghi hoặc không xác định."},

	"citizenship.same":    {"The same.", "Giống nhau."},
	"citizenship.differs": {"Another State. A person may have more than one citizenship.", "Quốc gia khác. Một người có thể có nhiều quốc tịch."},

	"place.same_unit":     {"The same unit.", "Cùng một đơn vị hành chính."},
	"place.same_text":     {"The same words.", "Cùng cách ghi."},
	"place.same_province": {"The same province; more is not known, or another unit within it.", "Cùng tỉnh; không rõ hơn, hoặc là đơn vị khác trong tỉnh."},
	"place.merged": {
		"The old province is part of the present one since July 2025.",
		"Tỉnh cũ thuộc tỉnh hiện nay từ tháng 7 năm 2025.",
	},
	"place.ambiguous_version": {
		"A province's name is given without saying whether it is the one before or after July 2025.",
		"Tên tỉnh không nói rõ là trước hay sau tháng 7 năm 2025.",
	},
	"place.text_alike":    {"Much the same words.", "Cách ghi gần giống nhau."},
	"place.by_text":       {"Compared by the words as given, without codes.", "So sánh theo lời ghi, không theo mã."},
	"place.other_country": {"Another country.", "Quốc gia khác."},
	"place.differs":       {"Another place.", "Nơi khác."},
	"place.missing":       {"One side gives no place, or both.", "Một bên hoặc cả hai bên không có địa danh."},
	"place.unknown":       {"The places cannot be related to each other by what is known here.", "Không đủ thông tin để đối chiếu hai địa danh."},

	"cccd.same": {"The same number.", "Cùng một số."},
	"cccd.slip": {
		"The numbers differ by one digit or by two digits in each other's place. Check the card.",
		"Hai số khác nhau một chữ số hoặc hai chữ số đổi chỗ. Cần kiểm tra thẻ.",
	},
	"cccd.differs": {"Another number.", "Số khác."},
	"cccd.old_number": {
		"A number of 9 digits (identity card before 2016) and one of 12: they cannot be related by calculation.",
		"Một số có 9 chữ số (chứng minh nhân dân) và một số có 12 chữ số: không thể đối chiếu bằng phép tính.",
	},
	"cccd.fits": {
		"Only one side has a number. Its digits fit the other side's sex, year and province of birth as far as these are known.",
		"Chỉ một bên có số. Các chữ số phù hợp với giới tính, năm và tỉnh khai sinh của bên kia trong phạm vi đã biết.",
	},
	"cccd.contradicts": {
		"Only one side has a number. Its digits do not fit the other side's sex, year or province of birth.",
		"Chỉ một bên có số. Các chữ số không phù hợp với giới tính, năm hoặc tỉnh khai sinh của bên kia.",
	},
	"cccd.missing": {"Neither side gives a number, or nothing can be said about it.", "Không bên nào có số, hoặc không thể đối chiếu."},

	"documents.same": {"A document with the same number and issuer.", "Có giấy tờ cùng số và cùng nơi cấp."},
	"documents.same_number": {
		"A document with the same number; its kind or issuer is not the same or not given.",
		"Có giấy tờ cùng số; loại hoặc nơi cấp không giống nhau hoặc không ghi.",
	},
	"documents.none_in_common": {
		"No document in common. A person may hold several.",
		"Không có giấy tờ chung. Một người có thể có nhiều giấy tờ.",
	},
	"documents.missing": {"One side gives no number of a document, or both.", "Một bên hoặc cả hai bên không có số giấy tờ."},

	"warning.cccd_sex": {
		"The fourth digit of the citizen identity number does not fit the sex.",
		"Chữ số thứ tư của số căn cước công dân không phù hợp với giới tính.",
	},
	"warning.cccd_year": {
		"The year in the citizen identity number does not fit the date of birth.",
		"Năm trong số căn cước công dân không phù hợp với ngày sinh.",
	},
	"warning.cccd_place": {
		"The province in the citizen identity number is not that of the birthplace. It is the province where the birth was registered.",
		"Mã tỉnh trong số căn cước công dân không phải tỉnh nơi sinh. Đó là tỉnh nơi đăng ký khai sinh.",
	},
	"warning.cccd_place_unknown": {
		"The first three digits of the citizen identity number are no code of a province; they may stand for a country.",
		"Ba chữ số đầu của số căn cước công dân không phải mã tỉnh; có thể là mã quốc gia.",
	},
	"warning.cccd_century": {
		"By the citizen identity number the person would be born after 2099.",
		"Theo số căn cước công dân thì năm sinh sau năm 2099.",
	},
	"warning.cccd_shape": {
		"The citizen identity number has neither 12 digits nor the 9 of the older cards.",
		"Số căn cước công dân không có 12 chữ số, cũng không có 9 chữ số như chứng minh nhân dân.",
	},
	"warning.mrz_invalid": {
		"A machine-readable zone cannot be read or its check digits do not hold.",
		"Có vùng đọc bằng máy không đọc được hoặc số kiểm tra không đúng.",
	},
	"warning.mrz_name": {
		"The name in a machine-readable zone is not the stated name.",
		"Họ tên trong vùng đọc bằng máy không phải họ tên đã khai.",
	},
	"warning.mrz_birth": {
		"The date of birth in a machine-readable zone is not the stated one.",
		"Ngày sinh trong vùng đọc bằng máy không phải ngày sinh đã khai.",
	},
	"warning.mrz_sex": {
		"The sex in a machine-readable zone is not the stated one.",
		"Giới tính trong vùng đọc bằng máy không phải giới tính đã khai.",
	},
	"warning.name_scripts": {
		"A name mixes letters of two scripts; some may only look alike.",
		"Họ tên lẫn chữ cái của hai loại chữ viết; có thể chỉ trông giống nhau.",
	},
	"warning.name_invisible": {
		"A name holds signs that cannot be seen, such as marks of direction. They were left out.",
		"Họ tên có ký tự không nhìn thấy, ví dụ dấu chỉ hướng viết. Các ký tự này đã bị bỏ qua.",
	},
	"warning.too_long": {
		"A name is very long; only its beginning was compared in full.",
		"Họ tên quá dài; chỉ phần đầu được so sánh đầy đủ.",
	},
}
