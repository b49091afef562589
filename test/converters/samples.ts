import { inflateSync } from 'node:zlib';

/**
 * Small files that Python wrote, deflated, in base64, so that every format and protocol is tested on what the real writers
 * write. `a` is `np.array([[1.5, -2, 3], [4, 5, 6.25]], '<f4')`; `every` is an OrderedDict with one tensor of each type, a
 * storage shared by two, a permuted view with an offset, an expanded one, a parameter and an empty one.
 */
const SAMPLES = {
  // numpy 1.24: pickle.dumps({'a': a, 'f': np.asfortranarray(a), 'big': a.astype('>f8'), 'n': np.array([1, -2**40]),
  // 'epoch': 7}, protocol=0)
  numpy1Protocol0: `
    eNqNk7lug0AQhpUumipFmrwBTSz24pCimJbGRQqqSBGXCZINK47CXR4lj5Iyj5TOmQESsbJlg7TLDDsD3/+PsDJtQxSDZpBW/V4fVmnd5Kt9v+vK
    uGniA7w1eVpXbdf0aQeagzXWQZWN51qAFdrQaQnpW1pnedpCXlEAWoEVJaAdiHZxV1YMtIuFHrxoH+/MxoAxbKfFIRT0kE8gkHUHje9g+P5oKzGQ
    ENo2LkZlinod7BMQPeGhC5vNJnxkMCziYR4k1FAQxWtv4zXuX+t5Nj2bJ0Ewzz6M7NPIvgP8tA8FyeIkhxMc55C00RbdElCgY8WfRVxCQco50XPH
    VM5dKFAR6buCbBKdEWBCBifI3JuQfeQQRCYYISdlgfPkJrQQI7SQVKxMaOEg9DAhDzvd2YQEjVn444SeQUv7ZEKSzSa0/jkVdUXm5T24XVR1t6jq
    flHVw5IqtIKP9kuBFklJkSL7KzxyTPOlO5ovyU3p/5vfaWVPzpfovGIz5xXHWiUG54szP4aSM9tvlht6eT8ej8ihRmXKIYQh8khZruv0HY99CF1o
    V79a4SfP
  `,
  // The same, protocol 1 … 5.
  numpy1Protocol1: `
    eNplkUlPwkAUxwdwrRuKG+6744aAGy7RXrEJhzn1ZmipDgkW/mU4cDDh6MfwY3gzkQ+mM22xRl+T959k3vu/35u+gFAzRggpI2a7redGO2PXPSfz
    3KqJatnzym3twXPsutsUXssWGuI0KNPcSnCNBDWIQJ/9YNcrjt3UHFcdNPQHxhYGzAGptbKoujkMCgwxDAtoDCPUiFEjbiQERkPXimg3ZO8YNeOy
    5/EU48VsVitmc5rABEOSGgnf9QaTpVLp/kuGnxTClKVquZy7TFR0O3d+JkTXCfnsqPQmU/dVR4pLkGmGGYFZy3d8xByPUx5sM88lYZphISJc5EmF
    8cfed/Vn+NZ6aL+k7JcZVgRWLTOhnqH6hLVowLoasMGwGQ3Y4r2tC9iOtt5h2O1tfQv6b+u9n63zsuKu+05CukCJPhRqMtTpUNOBYl+xHjAcChwF
    T+EiE5EeK9IsQy4gFcj3OKsFnEScpwxnkpP//y/nP4Qp2RUjv6L7oT5cKIQCw6XAlWX2ywunUbc5ro3BVuYbkVOzRQ==
  `,
  numpy1Protocol2: `
    eNplkElPwkAYhocignXDfd833HBXXKI924TDnHojtBSHBAtvHQ4cTLiA+C/8Gd5M5IfpzLQYjdPk+yb5Zp553ja0Z5CUFSGE5BFxvNpjtZ52Kr6b
    fqyVeSnv+/m6nvNdp+I9cb/mcB1acEr3CsEUUZM00ePknErBdZ5015MbHTFFtdFr9YpezvOSd4R4CwmKvhfoFP0pM2JqZrSFgRBZ4PWquDloaeJG
    8RRDr+0XDFMkU2ZU0W4wks1m77/EUsUkHKP2K4tZC0SuTuNOVUIMg5DPhixvonTaBsaYeHycYoJj0la0IqaYxpT+NBNOMxSzP05zLNn+y1U4BVdM
    I+TOS+4CxSLHkm1FZebSA5a75BVJXqVY+yGvszBgBhsy4CbFVjfgLVL/Am6rgMdietd5J6FP0ImRCHsy7ONhnwk6dqTdLsUex36Q2kO663Yg3Q4p
    jpRbE8ehWSmDE2l2SnEmzNj/n36unMbE2Qj5tTof8sOFfDRDcclxZVsxMXCrFYfh2ozX0t9AfrBl
  `,
  numpy1Protocol3: `
    eNplkMtOwkAUhk+pCFZUVFTwfrfeqgsXLIw0YWcTFl11Z2gplkQKf50uWJiwQeAtfBSWPpI7nd6ICSeZ+TNzzvnPN9MXP0CyIRBRHYLl+u1uT7E6
    nq20/TfWqntevSe9eLbVcd+Z51tMQiqqktxGlIWo0QBzVcFEeoh5HRlZE7SUJn4iG5c2WK9rS1gwUnxO8wHSeDTEoo6crInh7Ecs1Wq1518e4aYR
    w7I5rhaJJhWenxCpKlGfry++vlWsMOTNsLeJVSflhBBrDidY11GYEmw4uVHiEnQHToGDGrlsMmyZhsjvzdYriolPKfDZ1rEz9dl1Yvgy9gL4fR0H
    CfwTDmfgjzj8feWHwphEQmo21nyshVhLkeKY4SR6lIvTBOYsgDnXcRHCDCDHKK0yLgOUKx3XHMWZ/cEbDpEX6F/wBG4ZFNNI85Pd7VgO7rSMr/wB
    nBqPVw==
  `,
  numpy1Protocol4: `
    eNprYJm6j5EBDGqnaPQwJk7pEc0rzS2o1EvOL0rVyy3NKclMLCpKrJzSwxNflJqcn1dcUlSaXDJl8pQeVrDCKT3seSkQJZOneDO0TnFmTJrSPiVo
    ioY3ozeTN3PblAzWHtaUksqCVJAmpjSTKZ0dEHnmHkabKX5+fl7/gQBMeDOUTEnqdJZgYDhgD3TSAQYGBwcGhgYgXgDEJxymAKV7GNOmZLBksIPs
    yuBEtUmwA6YXpAekH6TPAaGXOSkzHaduPqDrLJBdZ4fVdQb2PyAhdgBCMThwQGkBKC0CpSUhNMTVedjsbQXbmolka4YQNjsFoJEEAUBxsJmsqQX5
    yRlTvNlL9QBOFJlo
  `,
  numpy1Protocol5: `
    eNprYJ06h5EBDGqnaPQwJk7pEcorzS2o1EvOL0rVAzJTizKTp/Rwx6cV5ecmlaalpRZNmTxFY5oEAwwcsAcRDAwODgwMDUC8AIhPOEzpYQWbA6RT
    SioLUoGaepjSTKZ0drRPCZqi4c3cw2gzxc/Pz+s/EIAJb4aSKUneTN7MbVN6GJ2nlACV9TCmTclgQbcMZAnIQpBFDhDLMrhhGt0gGpmTMtPBWg2g
    Gu1/QA2A8h04oLQAlBaB0pIQekoGB9C9FsjutcPp3gx+iGvzwFZCTWRgZEACQA1gIzORjMzgwWZgK8w41tSC/OSMKd7spXoAXU2D7g==
  `,
  // numpy 2.4: the same with 'epoch': np.int64(7), protocols 2 and 5.
  numpy2Protocol2: `
    eNp1kktP20AUhccOAWraEgjl0TaFPoD0QXgU2rSlxN3WUhaz8g7ZjmEiJU6OM15kgZQNIfwLfgY7JPLD6Mx4gkBRr6V7LN2535xjuWeegRRdgxDi
    wQiipNnulo6DVhyWmkmD17049rrWcRwGrajD4yTgFsz0mBXV0ikyDjnHRCDWamHQscJIvljIKqyPSXdSaMPj9WgXU31MUzy5gEUxU3QMx3QyfTzV
    yBrvtsXmM9cUGyf7eH45uMAsRa7oZBTtEHPVavXvnSjVHMIx71+yrFsgsoa9iuqE2DYhtz3ZrkQbDmzkmbh8geIFx6KvaCdYYiZT9peZ8LRC8fLe
    0yuWGzzmKpyCK6atua8lt0DxhmPVdzMyc/0UayPyW0l+R/H+nvyB6YBlrMuAGxSbo4BHKI4F/KgC7olpZXhNtJ9UiT2tNad1QetKqvgk3X2m+MKx
    laaOUBp525bedih2lbdz7Gln9TK+Smf7FAfCGRv/6N+Up7w4a5AHNbyRD77LS8sUPzh++m5WDMJ2K2D49b8/rBN4DS+2cMgOBFZmmtJE/JasI4pK
    HzbFn6T0DxiPw/M=
  `,
  numpy2Protocol5: `
    eNprYJ16gZEBDGqnaPQwJk7pEc4rzS2o1ItPzi9K1QOyU4syk6f0cMenFeXnJpWmpaUWTZk8RWOaBAMMHLAHEQwMDg4MDA1AvACITzhM6WEFGwSk
    U0oqC1KBmnqY0kymdHa0TwmaouHN3MNoM8XPz8/rPxCACW+GkilJ3kzezG1Tehidp5QAlfUwpk3JYEG3DGQJyEKQRQ4QyzK4YRrdIBqZkzLTwVoN
    oBrtf0ANgPIdOKC0AJQWgdKSEHpKBgfQvRbI7rXD6d4Mfohr88BWQk1kYGRAAkANYCMzkYzM4MFmYCvMONbUgvzkjCk9YsgxkluaU5KZWFSUCAxZ
    tuLkxJxEUHxkqDlzsENtmtIG1FyqBwDEG5aE
  `,
  // torch 1.13: torch.save({'epoch': 3, 'state_dict': every, 'lr': np.float64(0.1)}, file,
  // _use_new_zipfile_serialization=False)
  torchLegacy: `
    eNp1lVl320QUx2XZTholoWFPWcPusBhHlh0HSp20IbRVmyYKi1iKK0uTWEWxfKVRituGmsVOUrbCE+3hoY995JG+5fSNb8ErH4FzOCfckWRbFoeR
    78gajX7/O3dm7rT464L1z69Lf09dvLNyJNviz/6VxHobuIw6wXFcw7GprdtWZYs4rmnXIYEd1HF8Y5mUWqRC6oap1YHfVQVspM0GqbjmZeJCchtS
    GTWNjW7NdiikZV5N4pNZpzAkp9QUY9j1DRiWU57X1WT9ScPWa5CQkz7SpRolFcPUKfA6emIRnaIjrnDOMYhDjEV8I0ByWmFyo/jBpm14FsnWNGsd
    0jq1Hb2WrXjUtFyh4pCqZ1pGhZK6azuVLVGAoUxGHfZ1bEfbIDAcfCKcxO/XgjYBDqkj2CWfk6TZgiTlYMQfit7wQJDTyxRGV2VOTrdhTE60YXyv
    xty5j8JhBSbUw32fquuWrdGZItxfQ9laV+r4UtDck3sgIlcqleDBmiAnUeYhJpNsw8NM5pFA5lEKkwociQ7dD+tjAxJnsKmHf9zHi1I+VypKuRw8
    gfgE4p9E/PR0gH2KwtMKTPlTHWIN26taBJ4ZAC/6jT30s3307ExOgucQzSP6eeY5Lyc68IKcYLcXA5mXKGQUmI56X7VtC14eDBA29SRe6QZnTsoX
    ShK8Gkq85ku0IcuC83qAz1GYUUBUx/p4DxdgCfKD/CbtD0Hq8yUR57oQ8oshf5bxSwF/jsIbCrwZdd/HHx3An6hpTg//VhihWUksFMQcHAvx5RA/
    z/ALAf44hRMKLEbdRzyun7cH+Gtsg/UElvoCRVGU4J1wdk8yAWSfYtXpQECmcEaBszGBvAjLAwKn6n38uQh+TizBSohfDfEKq9YC/LsU3lPg/egi
    cjEWxIAPBvj++u8pqF2FvJQX0ZcPUWESFT5iCpNt+JgpfBIonKfwqQKV6ARsmeQSXAj4tThLC1nVVVyGPF7JHdDx75ic2gEjYBIK6wpsRDeuQxoE
    05ABtQEu26HF/FyxBGY4ixf9HSrzHfiMhaMDVsDcpFBXwPZzashsaI62SShxoPE/WarXQwCI6c6JxXypUAQnjL4bRp+yygs0tyhcUuDzXf+huQOX
    FbgSnWmy2aBNuPof8uyMiElhG8kckr9gZBxTB67hwHBErYD+JYWvFPjaU3mWyB34Rq97m41mVrcdkt30LGpqjqM1BVfXLA1H0A7eCwY7IwTo+N+t
    l2Bnb3cHdhXYy2DCT2DbUbi+vLx8+gCLX8kchW+rekW3DaK7AqmzPwJ858/PvVv3bvauu2X4Xh1i7mjUrM/ADx34UYEbHfhJgZ/ZEXOeHTGDuS8R
    S1h8bMEkY9s1Fdtd6dh2GIotjOHYyXEoltpHYtlMiGWf0diEj8WmaZxkWdBYGQ7vfHi/dZOVu+Xg/kd5kouWVhmrefyhtdBuo+2j/YnGLXDcBNoU
    Wg5tHm0F7QJaA62Ftot2A+0XtNtod9B+Q/t9oavfupboiSUiwnzMh3T38RjXOriCPa8mw4b98vx+C7r9E72RcQd9HvMzKP8C23dc8g==
  `,
  // torch 1.13: torch.save of the same, in the zip format.
  torchZip: `
    eNqtl99zE1UUxzdJm5altBURwR+A4I9WITTprxQKaQNGYLGURTBWMN1utk1gm83Z3BQrIAFtWlARHpwBxnF48NeDDzyK4zgMb874IuMwzsiMjA/6
    J/iig+fuTZO9t9COgU3PbrPZ7+d7zt695yaDiq9GkurrpTlbs7RU0mw9lZ4wNiY1ogWyR8xYtFEa4raC9wRILfFaFBhZS0+BR/HFZXyXIxoxEsm0
    TsCr65ZpGjpJW5mcvMdOGraR3I6fyOBrVaGmJb4YBeNWMm8agZRmjkKtTiy0DiTyJG3m5IRtjOTTZjJBjEzOshMTIRn8LS3xOsfHsrUxA+qYRN6B
    +n3snAz1cQ9e0gaL4j486tk8yEotgcV7FUmpnYIGxTMFS86kaBaNBJpUaI43VVIZGTUtjQS74JEUuqVmHaIxdrrsstRxCcKjKVnxEVhG6b4peIzS
    lzP64wRWqLDSXahpZcbgCY68G0+VqU861BA8hVQPgaeR2trKaKsIrFZhTXxJhZa08iOmAc9wvO3OyTJxrUNsh3VI9BJ4lubpVTxFeE7x0MPzjP4C
    gRYVWt25jliWCS/ydwFPlckvOeQOWM/IGxzyFAToHdjIqG0EgiqE4g0Vaj6dIWFo57GTpJJwh4PthE6G7Sphuyk2zLA9BDapsNmdrEPt5ajbUppd
    pm5xqF2wlVEjJWofpfYzapTANhW2u5NFKj4JL3PYfSnLJmVuzOF2wytswHZQLiJ30t0uxlUI7FbhVYHbHoIBjrszU6HucahhGGTUvSWqSnf7GPU1
    AvtVOOB+HHJYsJGE1zms89yWwXEH3ANvIHgFgSEKXjEFb1LwQQY+ROAtFRLumzuRNo7CMMOm4qmSWNuLT5AXX75pGMF/G5SaadAZJEnAUGHUPbFs
    I2tgd0jC2Cwo7qUzqA1SbEzSzhRSvEU4TMstwhHGMgmMq5CJN1dYWc3Wxg1i2GDdp2mUr5Ahy/sFAdhdtUt3NUd3hHnlCUyocHTGefP2NEyq8I57
    4IzxLJmEYzwxBMeRKBE4QYlYQxHexUKwgpOMWiBwSoXTeedy04b39Ex+PDsZ0C3bCIznTZLWbFublHO6ZmqY8fvsczlJJrM4aFOObjQMxTMz0zCt
    wkwL9ls6kL1wZmBgYNdd3JwdTeLsiJ7QraSh52QjQ/+R4QNnHG5cvnGp/LoWgQ/jfpqORtKZIHxUhHMqfFyE8ypcyAcGlbr6c18d+PsP7PE0Bu+7
    YjRKa7kVY2NbLLpKWC/ETdoqFe4ewwKOU5/Pr33pp4sHjfl8NvE+wVi0awGf+23XI33XC0C9b09rn9C74J/Xu0naInhjkT1VmtP6pUIEsX00g4kv
    IgFqWb9ABpuFDLD8bqlq/+Z+6q18f+gwGko1ZW/pnt4RwTsUi26uvvqhoflGeRnvhVbNc6zqSlfTGrK3/rIWvn+NUi/PbY9Fw1WXcPkS3a5F2PHH
    CM3j4s1bh5udb1Dz59HB59ERi7b97zw8TuU/rLvhNAbvAo5R3rEzFt36IINHn5+71N/+9zezCv+uB/cvnKT+K/+8810V/t0Pof4C9f/9gvZNFf7h
    h+AvsQx6D/7zEz9/751BH59BTyzaKz2gvzTbw/APo4BxBeM6xh0MqZ/2GElag9GG0YcxiDGMkcUoYMxgnMe4iHEF42uMqxjfOr3pdP/tzDCChhfo
    i+vKtU0Ydg5/bMSiqxcqrl2mDj9/Nra/Mn4eeih7uNe+5jmu4i8kUe1e0Ro5ZcgvCaulqHWvSLz2sqgNilr3WtLEaZfXido5xu7FgBdfnCMuO997
    vXBvy+pFcUh0drdwvuSCKJ6jdbddXvurqG0Xte4GymuHFwnaDlHrbn689qao7RS17sbFa1VZ0HaJWnfTEXxFbbeodbcLwXexoA2LWvd05LW/iNoe
    UeueaPzDcbVBEqfvoOL3ry99vMq3Yc5TNXs862PHpUtmvwv4na8Fn5amq8c5V+tnmibnenbtfy3DEAk=
  `,
  // torch 1.13: OrderedDict(w=torch.tensor([1., 2.])), legacy, pickle_protocol=4.
  torchLegacyProtocol4: `
    eNpVTr1Lw0AUT5MUsbVQ3Nwc4xIkKtJJB+kS6kddXOSIydGcHLlw91JRELIUVN7W102c/df8EwQHLxoH3/C++H3V/mrg/NZLT369jj+3b9/Pt8La
    X/ntf/LhNedVez5SgMNSK1CpkmzOtRGqIAvCgRQAkjNeZCIp6Al7cF9yZsQDN9TQuiZXGih20ROFnT76UhUzu1RVY/HWWmDfSkueglU2hP0znXHN
    sxORAi1pZ0rYuSPcAKXTPGQVCGlRm0zzm0rIjAEvjNJsHllwEOCascBkxgm7PwzLHEuVwGX7XhKu7+2OosP9g1FE6KVlZSOeAl3ETuwuKO4s6Dl3
    rS3QlEwTdNgGvf5HTULX+av6yLbjb4ehcoI=
  `,
  // torch 1.13: {'model': {'w': torch.tensor([1., 2.])}}, zip, pickle_protocol=4.
  torchZipProtocol4: `
    eNoL8GZmYWDg4GDAAAIMQgyJRckZmWWp+imJJYl6Bdk5bk58DFEooIFl6lyohtopPay5+SmpOVOALMbyKT08JflA/XrxpSWZOcVTeoTii1KTSjNz
    UuJLUvOK84viy4ymTJ6iodHDXgxUmJieCtQP1gHU6ZaTn1gSDBWeDDTOYEoPc3JB6RRvppIpgd4M3kytU7wZW6d09nAn5+fkpCaXZObnAe3g9i9K
    SS1KTXHJTC4B6tMMmlIyJWhKcbFegDc7R76pYtsKoENBOACnv/kYZFD8rW/g5iSB5msEYGBosAdqcgCZX7bUXg9kIAde8/kZrOHml6UWFQMd7uZk
    jtMCAsCYC2TzxXnpoUxAs5nANjOCKLjdyL4WwHANegyj60b2Ex+Kzh9ouvUN0PUiu4ofRW8EIwN6GAR4s7HpQKXlmHXhSpnR6O1Q+hIjhAbqYwfR
    nUwQPiNYjJUNoocZrB6iFgClsKIN
  `,
  // torch 1.13: torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), file).
  torchScript: `
    eNoL8GZmYWDg4GDAAHwMIgyJRckZmWWp+imJJYn6Bm5OAgxRaKCpJNA+wJudg0NBSwFoEAMIB+Ax0wHVTEM3JxsMM0kBOqmhYPtrncS+ELZfgMEO
    xX69guwcNycrClzQwJQcH1+SDzQzPl4PTOvl5enl5qeU5qQW6+Vk5qUmFnH5QKhCBs3GWo0INqBDylMz0zNKChmTIVriS0syc4q54otSk0ozc1Li
    S1LzivOL4suMuAqZNDQi2IE6ioEqE9NTC5khWrjccvITS4IhglyFLBGMQDUGhawRzEA6uaC0kM2bsSSwkN2bQcObEciEkB3Jyfk5OanJJZn5ecVc
    /kUpqUWpKS6ZySVchRyaQSVBhZwRoABMykwsLuTKAFqdwZwBMdqwkDsDYiQP2EiQgSUdGRBdvBGgsC4pSszMy8xLL+TriBAD8uMzi+PTSnNy4pMS
    k7PLE4tS4jPy87ML+f1KkwoF9ECRZr75zxtLoOkgDIo0EWCkYcaaIYMGPNKS81NS9eEBrg+m9fPy9KEBrg8JcL2CSjcnFaJitTZgd95hA547n0Vb
    1KULWEtMJ/TNveV3s8lhQq6W2KKANjmOX9+XZmx/MaXzyd2PP2bs8eS0k1nY+TZ9RvfxPAuGjL2zMt7NMFRb+5Dj+bPGd7ueLGtPK1Er3NORp3Pt
    X6fWlpcJDcJBXBMnrvof/zxDxnKXkVnbg9W93rfE3n/NWHb78JFIfcU7M/5ztSx/Lxop7HVNzFdPcPXt3cqPz/d9amXfb/T+habtYlbpJNN84Srr
    D+8sj2RejPIMcXmlJ+9x6rTzlW/T5+1e/Tfq03tB2T173r5UeFP3RXDV1ltaik++ya7b2SBY6duU+8Zstej/OvNXS9db/2EAhfnBoi8+b4GhOh9v
    mFszaJEe5nopwOSbHg/OU2pE5ilbn9Nehx1E5i6x+8yqlz7TabZgTEeshmiObrJI0oEclSeGmcf6Jp9RnqLHUv5ZvG715IjqHQXv9j7/+FZNnKHh
    qLfIucdfckXtl60v3FIVt+zjn38vHRnsNxoJ+BVlckZNWdIUqrx9pk6ta4Rp45Ttc+cdnFFw9YThnHvvrs9Uv/OkSv61Yuc7lfbuhkA/o5f8Bznf
    RDfpLnz96/+JzGXH5kmompv1WqkKLrbMKt+V90NUa+Wly2baZjdnaSyRjrzSUfzl5hTZzf37Py2426ms22eoweb+wbF0wrYtNwwePZVNTfXambbt
    lLD6v93+JS2MbG5z+FLU/xS9ijvIV2b44qugmNuch9Z7TG4YPuwPlj/jNmf2A3FQ3Nio+i/kBMaLLyO+QkyUwQQpbvKKSxLzSoohJZkBA+nllyY4
    K+bqc4YTLj/5GezhVpelFhUDixE3J2tKCnBjLpDtF+elhzIBzWcC284IouD2I9csfBguQq2h0PUi1wqoekPQ9Rqi60UunARQ9F5B0wsKe4huRGZC
    zmaGKLo7mRhIz1roxiOnFGsU4/8yM1CSc9FDATldiKJYNJOVAXsyRDcCOXL5UYwQYWNAT04B3mxsOlBpOWZduFJ2NPofI4SexAahgfrAUhOgljKC
    xVjZIHrYweohagF9EZjK
  `,
  // torch 1.13: torch.save(torch.nn.Linear(1, 1), file): the object, not its state dict.
  torchModule: `
    eNqlVFtv0zAUdtquK9lotzEGbIz7pYWtWzfuIA0V1JcgKEVIFhKK0sRtomVJj+NsT0ggMTZeEc/wA3jmlf/AH0C8Ao/8ALCdbksyDZCwlBz5fJdj
    n9hpatkcQoUC2jVG0BgyqGk7q2TOMphR7S27jXoRPUmM5xmT+ZxV9bzqim+FLgmqruMRg6r3ogCo8gKUZ5ApY1GFUcPxHK8L2U08xOd6z6DGCmGE
    BpAzTd91ickc3wvUB9QilFh3HZOpMFBpQb6M81yxRpyuzWCwX1gPmeMGqk5JO3Rca8dPhcIeFEa8wKf66oIK+8plPMhNA840ugTUSKI2XN9gj6Kk
    CkNY4Zx5GMZZHs1eCPs1hUHxoYY0RVNeQSkKI69tsdBRBmMtOLApJ+MbcLAFE5i3GbUdI4BDdsHmZW3VjmxrcNiWdkek3TpMitdUZHWUwXQLjkVW
    xzfgRAtOhrKRejvsdETXTknsNJ4SSc/39B7POgHfJNvi6AFhcMbUdbF/5ni6rvKMCmefwrl1ON+CMi5JS8NcXjOopdu+vxxARTpfwBMCcwK9E7pu
    kgMX7+OiQDs+jQlnpHAWj8WhHiV9uCrhOTwq4IAZjOgW/8p9dF6iNTwpUP4ZrDhlx2RB0hajbe+i+cGW3SXJuxz1rH9E4YpMXpUnkLejQwwWUp6/
    pil4mOf8kO0kr2tK2K42tcHChy8vv33PICSe5p43p4gmEzdnbr5Rn0jdm61BCwtLwvnX+7WP4oSI50/Ot5POtUb91h7O/zZyla+fRP07ePrH3+uX
    0NJ2/VVxynyvUb/5PwtYVEX1z++6j3lLUUZWV0TYrh/v+ciuFaX/UGl1vK/FhPJGFqW+Ulob70lS+zatraW18R2VEtrxHEr3sKnl8zN9+Fh2dpua
    S8Wf/fimn+A68e9C6wPRXJG5gXykyUl+xP0NryF5+A==
  `,
  // numpy 2.4: np.lib.format.write_array(file, a, version=(1, 0)); version 2 of np.asfortranarray(a); version 3.
  npyVersion1: `
    eNqb7BfqGxDJyFDGUK2eklqcXKRupaBuk2airqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOgrGmjoKtQpkAy4GhgP2DECCgcHBgYGh
    AYgXAPEJBwAf+SBT
  `,
  npyVersion2: `
    eNqb7BfqGxDJxFDCwMBQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEg8pKk0FChdnJBakArkaRjoKxpo6CrUK5AIuBoYD9gwMDQ5A6w8w
    MCwA0g5AfMIBANvdH+c=
  `,
  npyVersion3: `
    eNqb7BfqGxDJzFDCwMBQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6CsaaOgq1CmQCLgaGA/ZAqw8wMDg4
    MDA0APECID7hAADoUiAT
  `,
  // np.save(file, np.array(3.5)); a structure; an array of objects.
  npyScalar: `
    eNqb7BfqGxDJyFDGUK2eklqcXKRupaBuk2ahrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RqaOgq1ChQBLgYw4HEAACeuG4s=
  `,
  npyStructured: `
    eNqb7BfqGxDJyFDGUK2eklqcXKRupRCtoV6hrqOgbpNpoq6po6ChXgnmpQF5sUBGWn5RSVFiXnx+UUoqSLlbYk5xKlC8OCOxIBXI1zDUAeqqVSAG
    cDEygIEDAE3eHas=
  `,
  npyObject: `
    eNqb7BfqGxDJyFDGUK2eklqcXKRupaBe46+uo6Cell9UUpSYF59flJIKEnZLzClOBYoXZyQWpAL5GoY6mjoKtQqUAK4GlqndDBDQI5ZXmltQqRef
    nF+UqpdbmlOSmVhUlFg5pYcnvig1OT+vuKSoNLlkyuQpPaxglVN62PNSIEomT/FmaJ3izJg0pX1K0BQNb0ZvxtYpGcw9rCkllQWpIC1M/hZTOjsg
    ssw9jDVT/Pz8vP4DAZjwti+ZktQZO6V2SiKQoQcADntZSg==
  `,
  // np.savez(file, a=a); np.savez_compressed(file, a=a, big=a.astype('>i2')).
  npz: `
    eNoL8GZm0WWAAEWG6H9Hpf5DASuDCEOiXl5BJSODAMMMqBIYPdkv1DcgkpGhjKFaPSW1OLlI3UpB3SbNRF1HQT0tv6ikKDEvPr8oJRUk7paYU5wK
    FC/OSCxIBfI1jHQUjDV1FGoVyAZcDAwH7IHOOMDA4ODAwNAAxAuA+IRDgDcjky4zqodmQN3NyoAADYwgEuy9AG9WNhCHEQiNgfR5sAIAJ6Q3TQ==
  `,
  npzCompressed: `
    eNoL8GZm0WVgYOAAYkWG6H9Hpf5DASuDCEOiXl5BJSODAMMMBgiIgtKz34i/khY4eSLgWMDaeZOi5sQsyVu6IG9y2qJ1ixfMmxYfEjRlhvj8+CmT
    uITKvc9o+rF2iaeriC1h+inlZsV1bJYV11auFGY9tjbmbzwOTY0HDzY2LmTsEGf4yMnOEIDiILWQ4+owB7EDHZSUmQ5zUg/UKUF4nTQ9cwlJTjr2
    /7/EDMkIiQjJG0CnMDLpMqOGDigAQIHByoAADYwgEhxW6FpA7gc5EORYdhQtE4Ek1DcB3qxsIEEmIMwA0jJg8wC07nMw
  `,
  // scipy 1.17: savemat of 'UV' float64 [3 x 2], 'single' a, 'int32', 'u8', 'logical', 'text', 'cell', 's' (a
  // structure), 'z' (complex), 'cube' np.arange(24.).reshape(2, 3, 4), 'i64'; then compressed.
  matPlain: `
    eNqdk89Kw0AQxjdpWhsopQcPHjwsIiJSS9z+NRe3elGwUrB6tta0BmMibSrBk4/SR+mxRx/BR/DoybqbTEOyJFRc2Pwym/2+yQ6znXbvsn2K6xUN
    d9q9w6FpGbhr9d2hM37W8YszMb0yPhsbfdd4wI6t4+upja+cV0wI1o71elUnTUw00kD/GNJFp8hwx2aOzTyQjyzEGTZlvpU9b24RUtm7Fhp8ngT8
    AuZpwA+IEcQlyvN0I3k2hDwy5JJgz8S0R5YR7Nvyd86Z5zv3myM0Y6RsLnxfGvEtCL5S+P/Bmmm7VSJ8/1kul0U418pHTfCRoA7TFveU0ILFXNeK
    6uT0/PwsljMyB32Lrcn+mqhXEvJmfSrINTy3BPGjYVkO6GcRvZR6fgUNmEbMV0w9ZzAKgq9YJ2WNvsTePNB5EZ2cqpPQxF9Xwr57SqhTbk1eFdZX
    /cn151F9Pj3/W4I+HiO/775T/qcQ6edVffz6T+8NNWhgYeyH9ySgBsTAGo3fswOIN4FHwB1gncbvXxm4BSTAXWCDxu9vBbgNrAL3gE369z7KILNR
    C/sIioF+AXavS/o=
  `,
  matCompressed: `
    eNrzdQzxcXRSMNUzUPB1DNFNy8xJVQjISSxJyy/KtVIoyC/OrNBRcC5KTSxJTVHIz7NSCC7NU/DLL1MwMlIwsLQyNbYyMlcwMjAyYyADMHr68gMp
    ayCumPM4OSHBgyHJTOFZwyWFA1xPjZkNhQWMmU5eMGBj81O43cDIJnfD+QV/wKzDjE7xDZ8kF9QwsjPcn8+6EWSEHdwIDrARDEllbBwJrZ9mNsyQ
    7JBcmNVl/PlScZDiK5UDWvw3jA1MLBokeHi4G7YwC8wvYGA4lsMhCjJFB25KAdQUObApko0zOL2ajxh99urpvfDk/9///+UZ/MXZLEB61OF6DKB6
    /CB6Hs7oXHilidHDyGgOwydG2UeMD0DK9eDKN8CUq7EZwOzYzFzoV1eVVpTEF9DDqcPGYKfIHIHqMJguMYglC3PcFvh4Zrl2MkyZP3HW5Mn8Sxhd
    n7HEg/Q4wPVEMBzJcTjDeKSHR+BA15F0pss6PCdXWlrWOGxjnVRlp/NKcuKZh47G4kvuMXjaczP+ZXIIY53AxjCdhfkxyBwruDkroHarwTw4caGE
    zjmmsMMcKpsbTeQFohVeph9eKc9ksfCRwIeDcgzrbzLbgUzQhpvwAWLCRQUmjoiFNW4WaSkrmC7NCSjk+JHQfyodGBN+ikz9IC05YC2xJ2y5mgME
    3C4GTl4g0NTa6solKMgpZPJs+Ze1qo+E7sRPS8mc6b9nKvN0Y2Nx4+grnq07zgXOnbqeqfTB+0zpZe8lMv/frNPaLpncLGlX+M48/w7nthmPuXmz
    fT42su4zPGIdt/GwkP07/qUTeVtBdmpgBLIdzKMzFS+faWlk1+Jjc+Bk0HzPGAcA/iwI+g==
  `,
  // safetensors 0.8: save({'b': a, 'a': int64 [1, 2], 'h': float16 [1.5], 'scalar': np.array(2.0)},
  // metadata={'format': 'np'}).
  safetensors: `
    eNrjYGQAg2ql+Pjc1JLElMSSxPh4JatqpbT8otzEEiUrpbwCpVodpUSQWEpJZUEqUMjTzERJR6k4IxHEizaK1VEC68tPSytOLSkGChnoGJrFAnUV
    JyfmJBYha3VD0Yqp09BMx8gEpDUJRZexEbKFOsaYGo1MdEwsQBozUDQamiFpNMTUZmKhY2oQW1urAAHQ4GBgYkABDgwMB+yB9AEgE8huAOIFQHzC
    gcEOAOGJVfU=
  `,
} as const;

export type SampleName = keyof typeof SAMPLES;

export const SAMPLE_NAMES = Object.keys(SAMPLES) as SampleName[];

/** A fresh copy of a sample's bytes. */
export function sample(name: SampleName): Uint8Array {
  return new Uint8Array(inflateSync(Buffer.from(SAMPLES[name], 'base64')));
}
