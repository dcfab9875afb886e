package identity

// nameTexts explain the comparison of names.
var nameTexts = map[Key]Text{
	"name.exact": {"The same letters.", "Trùng từng chữ."},
	"name.none":  {"The names do not agree.", "Họ tên không khớp."},
	"name.missing": {
		"One side gives no name, or both.",
		"Một bên hoặc cả hai bên không có họ tên.",
	},
	"name.diacritics_left_out": {
		"The letters agree; one side leaves the diacritics out.",
		"Các chữ cái trùng nhau; một bên không ghi dấu.",
	},
	"name.diacritics_differ": {
		"The letters agree, the diacritics do not: in Vietnamese this can be another name.",
		"Các chữ cái trùng nhau nhưng dấu khác nhau: trong tiếng Việt có thể là tên khác.",
	},
	"name.order": {
		"The parts stand in another order.",
		"Các phần của họ tên đứng theo thứ tự khác.",
	},
	"name.part_missing": {
		"One side has a part that the other lacks, often a middle name such as Thị or Văn.",
		"Một bên có phần mà bên kia không có, thường là tên đệm như Thị hoặc Văn.",
	},
	"name.parts_differ": {
		"Each side has a part that has no counterpart on the other.",
		"Mỗi bên có phần không tương ứng với bên kia.",
	},
	"name.written_together": {
		"Parts are written together on one side and apart on the other.",
		"Một bên viết liền, bên kia viết rời.",
	},
	"name.slip": {
		"Parts differ by a letter or two: perhaps a slip of the pen.",
		"Có phần khác nhau một hoặc hai chữ cái: có thể do viết nhầm.",
	},
	"name.initial": {
		"One side gives only the first letter of a part.",
		"Một bên chỉ ghi chữ cái đầu của một phần.",
	},
	"name.truncated": {
		"The machine-readable zone has no room for the whole name and cuts it.",
		"Vùng đọc bằng máy không đủ chỗ nên họ tên bị cắt bớt.",
	},
	"name.icao": {
		"The letters agree as a machine-readable zone writes them (ICAO 9303).",
		"Các chữ cái khớp theo cách ghi của vùng đọc bằng máy (ICAO 9303).",
	},
	"name.romanised": {
		"The sounds agree in another spelling with Latin letters. Check the name in its own script.",
		"Âm đọc khớp nhưng cách phiên âm La-tinh khác. Cần đối chiếu họ tên theo chữ gốc.",
	},
	"name.romanised_loosely": {
		"Most sounds agree in another spelling with Latin letters, some do not. Check the name in its own script.",
		"Phần lớn âm đọc khớp theo cách phiên âm La-tinh khác, một số âm không khớp. Cần đối chiếu họ tên theo chữ gốc.",
	},
	"name.chinese_spelling": {
		"The syllables agree in another spelling of Mandarin (pinyin, Wade–Giles).",
		"Các âm tiết khớp theo cách viết tiếng phổ thông khác (pinyin, Wade–Giles).",
	},
	"name.reading": {
		"The Latin letters are a reading of the Chinese characters.",
		"Chữ La-tinh là một cách đọc của các chữ Hán.",
	},
	"name.sino_vietnamese": {
		"The Latin letters are a Sino-Vietnamese reading of the Chinese characters.",
		"Chữ La-tinh là âm Hán-Việt của các chữ Hán.",
	},
	"name.character_forms": {
		"The same Chinese characters, simplified on one side.",
		"Cùng các chữ Hán, một bên viết giản thể.",
	},
	"name.same_reading": {
		"Other Chinese characters with the same reading.",
		"Các chữ Hán khác nhau nhưng đọc giống nhau.",
	},
	"name.native_spelling": {
		"The same name in its own script; only the way of typing it differs.",
		"Cùng một họ tên theo chữ gốc; chỉ khác cách gõ.",
	},
	"name.native_differs": {
		"The Latin forms agree better than the names in their own script. Check these.",
		"Dạng La-tinh khớp hơn dạng theo chữ gốc. Cần đối chiếu chữ gốc.",
	},
	"name.check_scripts": {
		"The two sides use different scripts: by romanisation only, check both scripts.",
		"Hai bên dùng hai loại chữ viết khác nhau: chỉ khớp theo phiên âm, cần đối chiếu cả hai loại chữ.",
	},
	"name.script_unread": {
		"One side gives the name only in a script that is not romanised here, such as Khmer or Lao. Ask for its Latin form, or let somebody compare who reads the script.",
		"Một bên chỉ ghi họ tên bằng loại chữ mà ở đây không phiên âm, như chữ Khmer hoặc chữ Lào. Cần yêu cầu dạng La-tinh, hoặc nhờ người đọc được chữ đó đối chiếu.",
	},
	"name.alias": {
		"By an other name of one side, not by the main names.",
		"Theo tên gọi khác của một bên, không phải theo tên chính.",
	},
}
