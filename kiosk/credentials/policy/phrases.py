"""What a finding says, in Vietnamese and English; `words` fills in the facts."""

from __future__ import annotations

Both = tuple[str, str]

PHRASES: dict[str, Both] = {
    "unset": ("quy tắc của cửa không đặt", "the policy does not ask for it"),
    "accepted": (
        "{format} được chấp nhận, dùng làm {purposes}: {answer}",
        "{format} is accepted, good for {purposes}: {answer}",
    ),
    "not-accepted": (
        "{format} không có trong danh sách được chấp nhận",
        "{format} is not listed, hence not accepted",
    ),
    "signature-none": ("loại mã này không có chữ ký", "codes of this kind are not signed"),
    "signature-valid": ("đúng, bên ký được tin cậy", "it holds, and the signer is trusted"),
    "forged": (
        "không khớp nội dung, hoặc bên ký không được quyền ký loại này",
        "it does not fit the content, or the signer may not sign such",
    ),
    "unknown-key": (
        "bên ký không có trong danh sách tin cậy của máy",
        "the signer is not on the trust list",
    ),
    "revoked": (
        "chứng nhận hoặc khóa ký chứng nhận đã bị thu hồi",
        "the certificate or its signer's key was withdrawn",
    ),
    "valid": ("còn trong thời hạn", "within its dates"),
    "undated": ("mã không ghi thời hạn", "the code has no dates"),
    "expired": ("đã hết hạn", "past its end"),
    "not-yet-valid": ("chưa có hiệu lực", "before its beginning"),
    "clock-unknown": (
        "tùy ngày giờ mà máy chưa biết chắc",
        "it hangs on a date or hour that the kiosk does not know for sure",
    ),
    "enough": (
        "mã dùng làm {purposes}; cửa cần một trong: {needs}",
        "good for {purposes}; the door asks for one of: {needs}",
    ),
    "more-needed": (
        "mã dùng làm {purposes}; cửa cần một trong: {needs}",
        "good for {purposes}; the door asks for one of: {needs}",
    ),
    "unmasked": (
        "mã không che số giấy tờ, không che ngày sinh",
        "neither number nor date of birth is masked",
    ),
    "masked": (
        "mã che số giấy tờ hoặc ngày sinh",
        "number or date of birth is masked",
    ),
    "questions": (
        "chưa có khai báo: máy hỏi hai câu, trả lời bằng nút, mỗi câu {seconds} giây;"
        " có triệu chứng: {symptoms}, có tiếp xúc: {contact}",
        "no declaration yet: two questions are asked, answered with the button, {seconds} s"
        " each; yes to symptoms: {symptoms}, to contact: {contact}",
    ),
    "questions-out": ("người ra đã khai báo lúc vào", "who leaves declared on the way in"),
    "questions-none": ("không hỏi sau mã này", "nothing is asked after this code"),
    "questions-do": (
        "trả lời câu hỏi khai báo thay cho mã khác",
        "the questions of the declaration stand for another code",
    ),
    "declared": ("đã trả lời: có {yes}", "answered: yes to {yes}"),
    "declared-nothing": (
        "đã trả lời: không triệu chứng, không tiếp xúc",
        "answered: neither symptoms nor contact",
    ),
    "no-declaration": ("mã không dùng làm khai báo", "the code is not taken as a declaration"),
    "declaration-undated": (
        "mã không ghi giờ khai báo, nên không biết đã quá {hours} giờ chưa",
        "the code does not say when it was made, so whether {hours} h have passed is not known",
    ),
    "declaration-recent": (
        "khai báo cách đây {age} giờ, tối đa {hours} giờ",
        "made {age} h ago, at most {hours}",
    ),
    "declaration-too-old": (
        "khai báo cách đây {age} giờ, tối đa {hours} giờ",
        "made {age} h ago, at most {hours}",
    ),
    "colour-unlisted": (
        "loại mã không được chấp nhận thì không xét màu",
        "a kind that is not accepted has no colour",
    ),
    "colour-of-nobody": (
        "nội dung chưa được xác nhận bằng chữ ký thì không xét màu",
        "what no believed signature vouches for has no colour",
    ),
    "colour-none": (
        "không quy tắc màu nào dành cho {purposes}",
        "no rule is about {purposes}",
    ),
    "rule-above": ("một quy tắc phía trên đã đạt", "a rule above holds"),
    "rule-of-others": ("quy tắc dành cho {purposes}", "the rule is about {purposes}"),
    "rest": ("mọi trường hợp còn lại", "everything else"),
    "formats": ("mã là {format}; quy tắc dành cho {wanted}", "it is {format}, wanted {wanted}"),
    "products": (
        "mã ghi vắc-xin {found}; quy tắc tính {wanted}",
        "attested is {found}; the rule counts {wanted}",
    ),
    "doses-none": (
        "mã không ghi số mũi tiêm, cần {need} mũi",
        "it attests no doses, needed {need}",
    ),
    "doses-counted": (
        "tính được {have} mũi, cần {need} mũi",
        "{have} counted, needed {need} doses",
    ),
    "doses": (
        "mũi {need} cách đây {age} ngày, cần ít nhất {days} ngày",
        "dose {need} was given {age} days ago, needed {days} or more",
    ),
    "doses-later": (
        "chỉ ghi mũi {last}, cách đây {age} ngày; mũi {need} ước tính cách đây ít nhất"
        " {estimated} ngày, cần ít nhất {days} ngày",
        "only dose {last} is told, given {age} days ago; dose {need} is estimated to lie at"
        " least {estimated} days back, needed {days} or more",
    ),
    "doses-undated": (
        "chưa biết mũi {need} cách đây bao nhiêu ngày, cần ít nhất {days} ngày",
        "how many days ago dose {need} was given is not known, needed {days} or more",
    ),
    "doses-later-undated": (
        "chỉ ghi mũi {last}; chưa biết cách đây bao nhiêu ngày (mũi {need}: cần ít nhất"
        " {days} ngày)",
        "only dose {last} is told; how many days ago is not known (dose {need}: needed {days} or"
        " more)",
    ),
    "doses-ahead": (
        "ngày tiêm ghi sau thời điểm xét",
        "the dose is dated after the moment of judging",
    ),
    "doses-later-ahead": (
        "ngày tiêm ghi sau thời điểm xét",
        "the dose is dated after the moment of judging",
    ),
    "dose-last": (
        "mũi cuối cách đây {age} ngày, tối đa {days} ngày",
        "the last dose was given {age} days ago, at most {days}",
    ),
    "dose-last-undated": (
        "chưa biết mũi cuối cách đây bao nhiêu ngày, tối đa {days} ngày",
        "how many days ago the last dose was given is not known, at most {days}",
    ),
    "dose-last-ahead": (
        "ngày tiêm ghi sau thời điểm xét",
        "the dose is dated after the moment of judging",
    ),
    "recovery-none": ("mã không ghi việc khỏi bệnh", "it attests no recovery"),
    "recovery": (
        "dương tính lần đầu cách đây {age} ngày, cần {needed}",
        "first positive {age} days ago, needed {needed}",
    ),
    "recovery-undated": (
        "chưa biết dương tính lần đầu cách đây bao nhiêu ngày, cần {needed}",
        "how many days ago the first positive was is not known, needed {needed}",
    ),
    "recovery-ahead": (
        "ngày dương tính lần đầu ghi sau thời điểm xét",
        "the first positive is dated after the moment of judging",
    ),
    "test-none": (
        "mã không ghi xét nghiệm {result}{methods}",
        "it attests no {result} test{methods}",
    ),
    "test": (
        "xét nghiệm {result}{methods} lấy mẫu cách đây {age} giờ, tối đa {hours} giờ",
        "{result} test{methods}, sample taken {age} h ago, at most {hours}",
    ),
    "test-undated": (
        "chưa biết mẫu xét nghiệm {result}{methods} lấy cách đây bao nhiêu giờ, tối đa {hours} giờ",
        "how long ago the sample of the {result} test{methods} was taken is not known, at most"
        " {hours} h",
    ),
    "test-ahead": (
        "mẫu lấy sau thời điểm xét",
        "the sample was taken after the moment of judging",
    ),
    "colour": ("màu {colours}: {effects}", "colour {colours}: {effects}"),
    "colours-open": (
        "có thể là {colours}, tùy ngày giờ mà máy chưa biết chắc",
        "may be {colours}, by a date that the kiosk does not know for sure",
    ),
    "open": ("{now}; mở cửa {spans}", "{now}; open {spans}"),
    "closed": ("{now}; mở cửa {spans}", "{now}; open {spans}"),
    "closed-all-day": ("{now}; hôm nay nghỉ", "{now}; closed all day"),
    "coming-only": ("chỉ xét lượt vào", "asked only of who comes in"),
    "interval": (
        "lượt trước cách đây {since} giây, cần ít nhất {least} giây",
        "last recorded {since} s ago, needed {least} or more",
    ),
    "too-soon": (
        "lượt trước cách đây {since} giây, cần ít nhất {least} giây",
        "last recorded {since} s ago, needed {least} or more",
    ),
    "not-seen": (
        "gần đây chưa ghi nhận người này cùng chiều",
        "the person was not recorded lately in this direction",
    ),
    "room": (
        "máy này đếm được {inside} người bên trong, tối đa {most} người",
        "{inside} inside by the count of this kiosk, at most {most}",
    ),
    "full": (
        "máy này đếm được {inside} người bên trong, tối đa {most} người",
        "{inside} inside by the count of this kiosk, at most {most}",
    ),
    "at-risk": ("người này có trong danh sách: {risk}", "the person is on it: {risk}"),
    "risk-none": ("không có danh sách để tra", "there is no list to ask"),
    "risk-not-checked": (
        "có danh sách nhưng chưa tra được",
        "there is one, it could not be asked",
    ),
    "risk-clear": ("người này không có trong danh sách", "the person is not on it"),
    "leaving": ("người ra chỉ được ghi nhận", "who goes out is merely recorded"),
    "leaving-only": ("chỉ xét lượt ra", "asked only of who goes out"),
    "leaving-judged": (
        "người ra được xét như người vào",
        "who goes out is judged like everybody",
    ),
    "place-code": ("mã địa điểm, không phải mã cá nhân", "a place's code instead of a person's"),
    "unknown-code": ("không nhận dạng được loại mã", "of no kind that is known"),
    "malformed": ("mã bị hỏng hoặc sai định dạng: {problem}", "damaged or badly made: {problem}"),
}
