"""Words that several worlds draw from; `values.share` splits every pool by place."""

from __future__ import annotations


def words(text: str) -> tuple[str, ...]:
    """The words of a text; an underscore stands for a blank."""
    return tuple(word.replace("_", " ") for word in text.split())


FIRST_NAMES = words(
    """Ada Amir Anouk Arlo Astrid Bela Bruno Carla Cem Chiara Dalia Dario Edda Elias Emre Enya Farid
    Fiona Gil Greta Hana Hugo Ida Igor Ilse Imani Ines Ivan Jana Jonas Joris Kaito Karin Kasia Kofi
    Lara Leif Lena Lino Luca Maja Malik Marta Mateo Mila Nadia Nico Nils Noor Olga Omar Oskar Paula
    Pavel Petra Pia Quinn Rafi Rania Rhea Rosa Ruben Runa Samir Sanna Selma Silas Sofia Sven Tamar
    Tara Theo Tilda Tomas Uma Vera Viktor Wanda Yara Yusuf Zeno Zoe Abel Britt Celia Dora Ezra Fleur
    Alma Bastian Clio Dimitri Eloise Fabian Gloria Hector Isolde Jules Kira Lorenz Mina Nestor Odile
    Pascal Rosalie Stefan Thalia Ulla Vito Wilma Xenia Yann Zita Anton Bianca Cyril Delia Egon Flora
    Gustav Helga Isaac"""
)
LAST_NAMES = words(
    """Abbott Acker Aldana Amsel Arendt Bakker Barros Becker Bellini Berg Bianchi Blum Borg Brandt
    Cabrera Calder Castillo Chen Costa Dahl Danner Demir Dietz Dubois Eklund Engel Fabre Falk Farkas
    Ferrari Fischer Fontana Frost Garnier Gallo Hagen Hansen Haller Heller Hofer Holm Horvat Ibsen
    Jansen Jensen Kaya Keller Kessler Klein Koch Kovac Kruse Lange Larsen Lemaire Lind Lopes Lund
    Marek Martel Meyer Molnar Moreau Nagy Nash Neumann Novak Okafor Olsen Orsini Patel Perrin Petrov
    Pohl Ramos Reyes Ricci Rossi Roth Sandoval Sato Schmid Silva Sorel Steiner Toth Vogel Weiss
    Winter Ziegler Albers Bauer Carrera Drake Ekberg Foster Graves Hobbs Ivers Jurado Kemper Lowe
    Mercer Norris Osman Prado Quist Rhodes Santos Tanaka Ulrich Vance Wallin Yilmaz Zanetti Bloom
    Corbin Dorsey"""
)
MAIL_HOSTS = ("mailbox.example", "post.example", "example.org", "example.net")
# City and airport code.
CITIES = tuple(
    (city, code)
    for city, _, code in (
        entry.partition("/")
        for entry in words(
            """Oslo/OSL Lisbon/LIS Vienna/VIE Prague/PRG Dublin/DUB Athens/ATH Warsaw/WAW Zurich/ZRH
            Madrid/MAD Helsinki/HEL Budapest/BUD Nice/NCE Porto/OPO Bergen/BGO Geneva/GVA Riga/RIX
            Tallinn/TLL Vilnius/VNO Krakow/KRK Naples/NAP Palermo/PMO Valencia/VLC Seville/SVQ
            Bilbao/BIO Hamburg/HAM Leipzig/LEJ Cologne/CGN Lyon/LYS Toulouse/TLS Bordeaux/BOD
            Nantes/NTE Glasgow/GLA Bristol/BRS Leeds/LBA Cork/ORK Malmo/MMX Gothenburg/GOT Turku/TKU
            Aarhus/AAR Sofia/SOF Bucharest/OTP Belgrade/BEG Zagreb/ZAG Split/SPU Ljubljana/LJU
            Istanbul/IST Izmir/ADB Cairo/CAI Tunis/TUN Nairobi/NBO Accra/ACC Lagos/LOS Boston/BOS
            Denver/DEN Seattle/SEA Chicago/ORD Toronto/YYZ Montreal/YUL Lima/LIM Bogota/BOG
            Quito/UIO Tokyo/HND Osaka/KIX Seoul/ICN Hanoi/HAN Singapore/SIN Sydney/SYD Perth/PER
            Mumbai/BOM Delhi/DEL Doha/DOH Dubai/DXB"""
        )
    )
)
COMPANIES = words(
    """Alder_Paper Amberline_Foods Arcadia_Print Atlas_Cleaning Baltic_Glass Birch_Energy
    Bluefin_Travel Brightwater_Gas Canal_Housing Cedar_Insurance Cobalt_Telecom Copperfield_Gym
    Cypress_Dental Delta_Water Elmwood_School Fairway_Motors Fernhill_Farm Garnet_Security
    Granite_Roofing Harbor_Power Hazel_Bakery Iris_Optics Juniper_Books Kestrel_Courier Larkspur_Law
    Lattice_Software Linden_Pharmacy Lumen_Electric Maple_Leasing Meridian_Rail Mosaic_Tiles
    Northgate_Parking Oakline_Joinery Opal_Catering Orchard_Media Osprey_Logistics Pebble_Hosting
    Pinewood_Rent Quarry_Stone Quill_Stationery Redwood_Tools Riverbend_Yoga Saffron_Kitchen
    Sable_Fashion Sierra_Climbing Skylark_Films Solace_Clinic Spruce_Heating Sterling_Audit
    Summit_Sports Tandem_Bikes Thistle_Garden Topaz_Jewels Trellis_Florist Umber_Paints Vantage_Maps
    Velvet_Theatre Verdant_Landscapes Walnut_Furniture Waypoint_Transit Westmark_Estates
    Willow_Daycare Zephyr_Aircon Zinc_Plumbing"""
)
STREETS = words(
    """Acorn_Lane Beacon_Street Bridge_Road Brook_Avenue Canal_Street Chapel_Hill Cherry_Walk
    Church_Lane Copper_Alley Dune_Road Elm_Street Falcon_Way Ferry_Road Garden_Row Glebe_Close
    Grove_Street Harbour_View Hazel_Drive Heron_Court High_Street Ivy_Lane Juniper_Road Kiln_Street
    Lake_Avenue Lark_Rise Linden_Square Mill_Lane Moss_Street Oak_Crescent Orchard_Way Park_Terrace
    Pine_Street Quay_Road Ridge_Avenue River_Walk Rowan_Close Salt_Street Station_Road Tanner_Row
    Willow_Bend"""
)
# What meetings, mails, reminders and documents are about.
TOPICS = tuple(
    f"{subject} {kind}"
    for subject in words(
        """budget hiring office website supplier travel pricing team security data product annual warehouse
    brand contract customer fire holiday intranet lease marketing onboarding parking payroll pension
    phone press print privacy quality recycling research roadmap safety sales shift software staff
    stock summer tender training vehicle vendor visitor water canteen charity cleaning energy"""
    )
    for kind in ("review", "plan", "report", "audit", "draft", "checklist", "update", "summary", "workshop")
)
