package persona

// households are those who share an account, run a company, or keep several currencies.
func households() map[string]life {
	shopsSI := []Party{{Name: "Market Lipa Ljubljana"}, {Name: "Trgovina Pri Mostu"}, {Name: "Samopostrežna Zvezda"}}
	return map[string]life{
		"1005": { // Maja tells the life of the accounts she shares with Peter
			opening: []int64{120000, 450000, 310000, -14200000}, saving: 20000, feeMonthly: 390,
			savingText: "Trajni nalog varčevanje", interestText: "Obresti", feeText: "Vodenje računa", openingText: "Prenos stanja",
			monthly: []monthly{
				{9, 0, 241380, 5000, codeSalary, "Plača %s", Party{"Bolnišnica Savinja", slovenian("01", "10060", "81003")}, nil},
				{15, 0, -3999, 0, codeDebit, "Mobilni paket %s", Party{"Telefonija Sever d.d.", slovenian("02", "90001", "51000")}, nil},
				{18, 2, -9480, 3100, codeDebit, "Elektrika %s", Party{"Elektro Barje d.o.o.", slovenian("02", "90001", "52000")}, &special{reference: true}},
				{20, 2, -5120, 900, codeDebit, "Komunala in odvoz %s", Party{"Snaga Ljubljanica d.o.o.", slovenian("01", "26100", "41220")}, nil},
				{2, 2, -21400, 0, codeStanding, "Vrtec %s", Party{"Vrtec Mavrica", slovenian("01", "10060", "82210")}, &special{rule: "following", ultimate: "Tina Kos"}},
			},
			own: []own{
				{1, 0, 2, 90000, "Skupni stroški"},
				{5, 2, 3, 91240, "Obrok posojila"},
			},
			often: []frequent{
				{2, 3.4, 900, 6200, codeCard, []string{"Nakup s kartico", "Živila"}, shopsSI},
				{0, 1.6, 300, 2400, codeCard, []string{"Nakup s kartico", "Kosilo"}, []Party{{Name: "Drogerija Sivka"}, {Name: "Gostilna Pri Zmaju"}}},
			},
			pending: []pending{{2, 4275, "Rezervacija kartica", Party{Name: "Market Lipa Ljubljana"}}},
		},
		"1006": {
			opening: []int64{98000, 210000, 0, 0}, saving: 10000,
			savingText: "Trajni nalog varčevanje", interestText: "Obresti", openingText: "Prenos stanja",
			monthly: []monthly{
				{10, 0, 208150, 4000, codeSalary, "Plača %s", Party{"Mizarstvo Hrast d.o.o.", slovenian("03", "10022", "64001")}, nil},
				{13, 0, -2999, 0, codeDebit, "Fitnes %s", Party{"Športni center Vrh", slovenian("03", "10044", "17720")}, nil},
			},
			own:   []own{{1, 0, 2, 90000, "Skupni stroški"}},
			often: []frequent{{0, 2.4, 400, 3600, codeCard, []string{"Nakup s kartico", "Gorivo"}, shopsSI}},
		},
		"1009": { // Tine tells the life of the company that he and Vesna have
			opening: []int64{2400000, 1200000, 140000}, openingText: "Prenos stanja",
			monthly: []monthly{
				{3, 0, -94000, 0, codeStanding, "Najemnina delavnica %s", Party{"Nepremičnine Stolp d.o.o.", slovenian("03", "10044", "20117")}, &special{purpose: "RENT"}},
				{12, 0, 486000, 61000, codeReceived, "Ograje in stopnice %s", Party{"Gradnje Sava d.d.", slovenian("01", "10060", "90077")}, nil},
				{25, 1, -284000, 0, codeStanding, "Plače %s", Party{"Računovodski servis Saldo", slovenian("06", "00001", "31107")}, nil},
				{9, 2, 187000, 3000, codeReceived, "Dobiček %s", Party{"Kovinarstvo Golob d.o.o.", slovenian("02", "10001", "00901")}, nil},
			},
			own: []own{{24, 0, 1, 290000, "Prenos za plače"}},
		},
		"1007": {
			opening: []int64{1850000, 3000000}, saving: 50000, feeMonthly: 1490, takings: 82000, takingsText: "Dnevni iztržek POS",
			savingText: "Rezerva", settledText: "Poravnava kartice", interestText: "Obresti", feeText: "Vodenje poslovnega računa", openingText: "Prenos stanja",
			monthly: []monthly{
				{1, 0, -185000, 0, codeStanding, "Najemnina poslovni prostor %s", Party{"Nepremičnine Stolp d.o.o.", slovenian("03", "10044", "20117")}, &special{rule: "preceding", purpose: "RENT", reference: true}},
				{18, 0, -61500, 14000, codeDebit, "Elektrika %s", Party{"Elektro Barje d.o.o.", slovenian("02", "90001", "52000")}, &special{reference: true}},
				{14, 0, 128000, 42000, codeReceived, "Dobava kruha %s", Party{"Hotel Pri Treh Lipah d.o.o.", slovenian("01", "10060", "90044")}, &special{reference: true, ultimate: "Skupina Treh Lip d.d."}},
			},
			batches: []batch{
				{5, 0, codePayroll, "Plače %s", "SALA", false, []part{
					{Party{"Irena Medved", slovenian("02", "10001", "31001")}, 142000, 6000, "Plača %s"},
					{Party{"Jure Hočevar", slovenian("01", "10060", "31002")}, 151500, 6000, "Plača %s"},
					{Party{"Tadej Oblak", slovenian("03", "10022", "31003")}, 129800, 6000, "Plača %s"},
					{Party{"Vesna Šuštar", slovenian("06", "00001", "31004")}, 118400, 6000, "Plača %s"},
					{Party{"Rok Turk", slovenian("03", "10044", "31005")}, 99000, 6000, "Plača %s"},
				}},
				{20, 0, codeSent, "Zbirni nalog dobavitelji %s", "SUPP", true, []part{
					{Party{"Mlin Zrno d.o.o.", slovenian("03", "10022", "45001")}, 312000, 60000, "Moka %s"},
					{Party{"Mlekarna Planika d.d.", slovenian("01", "10060", "45002")}, 104500, 22000, "Maslo %s"},
					{Party{"Embalaža Karton d.o.o.", slovenian("03", "10044", "45003")}, 38900, 9000, "Vrečke %s"},
				}},
			},
			often: []frequent{
				{onCard, 0.8, 2400, 9000, codeCard, []string{"Nakup s poslovno kartico", "Gorivo"}, []Party{{Name: "Bencinski servis Jug"}}},
			},
			abroad:  []abroad{{12, "CHF", 18900, 6000, 9437, "Rezervni deli za peč", "Ofenbau Matter"}},
			cheque:  &cheque{40, 24000, "00417-22", "Unovčenje čeka", "Zadruga Dolina"},
			pending: []pending{{onCard, 5210, "Rezervacija kartica", Party{Name: "Bencinski servis Jug"}}},
		},
		"1008": {
			opening:      []int64{620000, 180000, 240000},
			interestText: "Zinsen", openingText: "Saldovortrag",
			monthly: []monthly{
				{26, 0, 398400, 5000, codeSalary, "Gehalt %s", Party{"Übersetzungen Keller & Roth GmbH", german("50050000", "0007710450")}, nil},
				{1, 0, -118000, 0, codeStanding, "Miete %s", Party{"Hausverwaltung Brunner", german("70090100", "0006620145")}, &special{purpose: "RENT"}},
				{4, 1, 85000, 30000, codeReceived, "Royalties %s", Party{Name: "Harbor Software"}, &special{ultimate: "Harbor Publishing"}},
				{3, 2, -24000, 0, codeStanding, "Garage %s", Party{Name: "Immobilien Furka"}, nil},
			},
			exchanges: []exchange{{6, 0, 1, 50000, 10832, "Devisenkauf"}, {16, 0, 2, 40000, 9437, "Devisenkauf"}, {24, 1, 0, 120000, 9190, "Devisenverkauf"}},
			often: []frequent{
				{0, 2.1, 800, 6100, codeCard, []string{"Kartenzahlung", "Einkauf"}, []Party{{Name: "Markthalle Süd"}, {Name: "Biomarkt Kornblume"}}},
				{2, 0.7, 1200, 5400, codeCard, []string{"Kartenzahlung"}, []Party{{Name: "Bergsport Furka"}, {Name: "Museum am Quai"}}},
			},
			pending: []pending{{1, 2900, "Vorgemerkter Umsatz", Party{Name: "Harbor Software"}}},
		},
	}
}

// A merchant is where cards are used.
type merchant struct {
	category                                  string // ISO 18245
	street, house, town, code, country, phone string
}

// merchantOf knows those where the customers' credit cards are used, by name.
func merchantOf(name string) (m merchant, known bool) {
	switch name {
	case "Bencinski servis Jug":
		m = merchant{"5541", "Južna cesta", "114", "Ljubljana", "1000", "SI", "+38615550114"}
	case "Spletna trgovina Kotiček":
		m = merchant{"5942", "Knjižna ulica", "3", "Celje", "3000", "SI", "+38635550003"}
	case "Librăria Cărturești de Vale":
		m = merchant{"5942", "Strada Teilor", "27", "Sibiu", "550120", "RO", "+40269555027"}
	case "Trenuri Regionale":
		m = merchant{"4112", "Piața Gării", "1", "Brașov", "500030", "RO", "+40268555001"}
	case "Bücher Lesezeichen":
		m = merchant{"5942", "Marienstraße", "19", "Nürnberg", "90402", "DE", "+499115550019"}
	case "Wirtshaus Zum Anker":
		m = merchant{"5812", "Ankergasse", "5", "Regensburg", "93047", "DE", "+499415550005"}
	case "Harbor Software":
		m = merchant{"5734", "Pier Street", "40", "Portland", "97209", "US", "+15035550140"}
	case "Thistle & Wool":
		m = merchant{"5651", "Harbour Row", "12", "Leith", "EH6 6JJ", "GB", "+441315550012"}
	case "Museum am Quai":
		m = merchant{"7991", "Seequai", "8", "Zürich", "8001", "CH", "+41445550008"}
	case "Bergsport Furka":
		m = merchant{"5941", "Furkastrasse", "62", "Andermatt", "6490", "CH", "+41415550062"}
	case "Ofenbau Matter":
		m = merchant{"5085", "Gewerbeweg", "4", "Winterthur", "8400", "CH", "+41525550004"}
	}
	return m, m.category != ""
}
