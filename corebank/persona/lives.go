package persona

import "maps"

// lives tells how each persona earns and spends, by Persona.ID. Shops and employers are
// invented; amounts are minor units.
func lives() map[string]life {
	all := households()
	maps.Copy(all, singles())
	return all
}

// singles are those who live, and bank, for themselves.
func singles() map[string]life {
	shopsSI := []Party{{Name: "Market Lipa Ljubljana"}, {Name: "Trgovina Pri Mostu"}, {Name: "Samopostrežna Zvezda"}, {Name: "Drogerija Sivka"}}
	shopsRO := []Party{{Name: "Magazin La Fântână"}, {Name: "Piața Obor Market"}, {Name: "Supermarket Carpați"}}
	shopsDE := []Party{{Name: "Markthalle Süd"}, {Name: "Biomarkt Kornblume"}, {Name: "Getränke Lindner"}, {Name: "Drogerie Anders"}}
	return map[string]life{
		"1001": {
			opening: []int64{184520, 620000}, saving: 15000, feeMonthly: 390,
			savingText: "Trajni nalog varčevanje", settledText: "Poravnava kartice", interestText: "Obresti", feeText: "Vodenje računa", openingText: "Prenos stanja",
			monthly: []monthly{
				{10, 0, 218740, 6000, codeSalary, "Plača %s", Party{"Mediana Sistemi d.o.o.", slovenian("03", "10044", "12001")}, nil},
				{1, 0, -62000, 0, codeStanding, "Najemnina %s", Party{"Marjeta Kranjc", slovenian("06", "00001", "33107")}, &special{ultimate: "Dediči Kranjc", purpose: "RENT"}},
				{15, 0, -3499, 900, codeDebit, "Mobilni paket %s", Party{"Telefonija Sever d.d.", slovenian("02", "90001", "51000")}, nil},
				{18, 0, -7150, 2400, codeDebit, "Elektrika %s", Party{"Elektro Barje d.o.o.", slovenian("02", "90001", "52000")}, &special{reference: true}},
				{20, 0, -4280, 1200, codeDebit, "Komunala in odvoz %s", Party{"Snaga Ljubljanica d.o.o.", slovenian("01", "26100", "41220")}, nil},
				{5, 0, -1299, 0, codeDebit, "Naročnina glasba %s", Party{"Zvok Plus", german("70090100", "0004410987")}, nil},
				{16, 0, -8450, 0, codeStanding, "Zavarovanje doma %s", Party{"Zavarovalnica Breza d.d.", slovenian("03", "10044", "15020")}, &special{months: []int{3, 6, 9, 12}, reference: true}},
				{23, 0, -4200, 0, codeStanding, "Obrok za kolo %s", Party{"Kolesarna Zavoj d.o.o.", slovenian("03", "10044", "15031")}, &special{since: 10, until: 5, rule: "following"}},
			},
			often: []frequent{
				{0, 3.9, 480, 4200, codeCard, []string{"Nakup s kartico", "POS nakup", "Živila"}, shopsSI},
				{0, 1.1, 240, 900, codeCard, []string{"Kava in kosilo", "Kosilo"}, []Party{{Name: "Kavarna Tromostovje"}, {Name: "Gostilna Pri Zmaju"}}},
				{0, 0.4, 2000, 4000, codeCash, []string{"Dvig na bankomatu"}, []Party{{Name: "Bankomat Čopova"}}},
				{onCard, 1.3, 1190, 6400, codeCard, []string{"Spletni nakup", "Gorivo"}, []Party{{Name: "Bencinski servis Jug"}, {Name: "Spletna trgovina Kotiček"}}},
			},
			abroad: []abroad{
				{9, "USD", 2499, 900, 10832, "Programska oprema", "Harbor Software"},
				{21, "GBP", 3150, 2400, 8571, "Spletni nakup", "Thistle & Wool"},
			},
			pending: []pending{{onCard, 3780, "Rezervacija kartica", Party{Name: "Bencinski servis Jug"}}, {0, 2315, "Rezervacija kartica", Party{Name: "Market Lipa Ljubljana"}}, {0, 890, "Rezervacija kartica", Party{Name: "Gostilna Pri Zmaju"}}},
		},
		"1002": {
			opening: []int64{92000, 310000, 245000}, saving: 10000, feeMonthly: 250,
			savingText: "Transfer economii", settledText: "Decontare card", interestText: "Dobândă", feeText: "Comision administrare cont", openingText: "Sold preluat",
			monthly: []monthly{
				{8, 2, 742500, 12000, codeSalary, "Salariu %s", Party{"Atelierul Digital SRL", romanian("RNCB", "0000441200000017")}, nil},
				{1, 2, -210000, 0, codeStanding, "Chirie %s", Party{"Elena Dumitrescu", romanian("BRDE", "0000612300000045")}, &special{purpose: "RENT"}},
				{16, 2, -18900, 6500, codeDebit, "Energie electrică %s", Party{"Energia Munteniei SA", romanian("RNCB", "0000900100000002")}, nil},
				{19, 2, -6900, 0, codeDebit, "Internet și telefon %s", Party{"Telecom Carpatica SA", romanian("BTRL", "0000900200000003")}, nil},
				{14, 0, 48000, 9000, codeReceived, "Honorar Übersetzung %s", Party{"Verlag Silberdistel GmbH", german("50050000", "0003315220")}, &special{ultimate: "Übersetzungsfonds Silberdistel", reference: true}},
				{22, 0, -1599, 0, codeDebit, "Abonament filme %s", Party{"Ecran Media", german("70090100", "0004412001")}, nil},
			},
			often: []frequent{
				{2, 3.2, 2900, 16000, codeCard, []string{"Plată card", "Cumpărături"}, shopsRO},
				{2, 0.5, 10000, 20000, codeCash, []string{"Retragere numerar"}, []Party{{Name: "ATM Piața Unirii"}}},
				{onCard, 0.9, 900, 4400, codeCard, []string{"Cumpărături online", "Bilete tren"}, []Party{{Name: "Librăria Cărturești de Vale"}, {Name: "Trenuri Regionale"}}},
			},
			abroad:  []abroad{{17, "CHF", 4200, 1800, 9437, "Bilete muzeu", "Museum am Quai"}},
			pending: []pending{{2, 8740, "Autorizare card", Party{Name: "Supermarket Carpați"}}},
		},
		"1003": {
			opening: []int64{241000, 1480000}, saving: 25000,
			savingText: "Dauerauftrag Tagesgeld", settledText: "Kreditkartenabrechnung", interestText: "Zinsen", openingText: "Saldovortrag",
			monthly: []monthly{
				{27, 0, 324810, 4000, codeSalary, "Gehalt %s", Party{"Werkzeugbau Hartmann GmbH", german("50050000", "0001209877")}, nil},
				{1, 0, -94500, 0, codeStanding, "Miete %s", Party{"Hausverwaltung Brunner", german("70090100", "0006620145")}, nil},
				{3, 0, -8900, 0, codeDebit, "Strom Abschlag %s", Party{"Stadtwerke Isarufer", german("70090100", "0001000200")}, &special{reference: true}},
				{5, 0, -4900, 0, codeStanding, "Deutschlandticket %s", Party{"Verkehrsverbund Süd", german("70090100", "0001000300")}, &special{rule: "preceding"}},
				{15, 0, -1836, 0, codeDebit, "Rundfunkbeitrag %s", Party{"Beitragsservice", german("50050000", "0002020111")}, nil},
				{6, 0, -3999, 0, codeDebit, "Internet und Mobilfunk %s", Party{"Funknetz AG", german("50050000", "0003300441")}, nil},
			},
			often: []frequent{
				{0, 2.8, 690, 5200, codeCard, []string{"Kartenzahlung", "Einkauf"}, shopsDE},
				{0, 0.4, 5000, 10000, codeCash, []string{"Bargeldauszahlung"}, []Party{{Name: "Geldautomat Marienstraße"}}},
				{onCard, 1.2, 1500, 8800, codeCard, []string{"Online-Einkauf", "Restaurant"}, []Party{{Name: "Bücher Lesezeichen"}, {Name: "Wirtshaus Zum Anker"}}},
			},
			abroad:  []abroad{{11, "CHF", 5890, 3100, 9437, "Einkauf", "Bergsport Furka"}, {19, "USD", 1199, 400, 10832, "Abonnement", "Harbor Software"}},
			pending: []pending{{onCard, 6120, "Vorgemerkter Umsatz", Party{Name: "Wirtshaus Zum Anker"}}, {0, 4590, "Vorgemerkter Umsatz", Party{Name: "Biomarkt Kornblume"}}},
		},
		"1004": {
			opening: []int64{4200, 500}, drainTo: 1240, drainText: "Dvig na bankomatu",
			interestText: "Obresti", openingText: "Prenos stanja", settledText: "Poravnava kartice",
			monthly: []monthly{
				{12, 0, 31000, 4000, codeReceived, "Študentsko delo %s", Party{"Študentski servis Akademik", slovenian("03", "10044", "12077")}, nil},
				{2, 0, -16500, 0, codeStanding, "Študentski dom %s", Party{"Študentski domovi Savica", slovenian("01", "10060", "30015")}, nil},
				{15, 0, -1499, 0, codeDebit, "Mobilni paket %s", Party{"Telefonija Sever d.d.", slovenian("02", "90001", "51000")}, nil},
			},
			often: []frequent{{0, 2.2, 210, 1300, codeCard, []string{"Nakup s kartico", "Študentska prehrana"}, shopsSI}},
		},
	}
}
